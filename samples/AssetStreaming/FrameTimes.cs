namespace AssetStreaming;

/// <summary>How long the pictures of a flight took, in milliseconds.</summary>
internal sealed class FrameTimes(double[] milliseconds)
{
    /// <summary>Sixty pictures a second.</summary>
    public const double Deadline = 16;

    private readonly double[] _sorted = [.. milliseconds.Order()];

    public double[] InOrder => milliseconds;
    public double Median => _sorted[_sorted.Length / 2];
    public double Percentile99 => _sorted[(int)(_sorted.Length * 0.99)];
    public double Longest => _sorted[^1];
    public int Missed => milliseconds.Count(time => time > Deadline);

    public static void Plot(string path, FrameTimes waiting, FrameTimes neverWaiting)
    {
        ScottPlot.Plot plot = new();
        Add(waiting, "Read", ScottPlot.Colors.OrangeRed);
        Add(neverWaiting, "TryRead, and a prefetcher", ScottPlot.Colors.SteelBlue);
        plot.Add.HorizontalLine(Deadline, 1, ScottPlot.Colors.Gray, ScottPlot.LinePattern.Dashed).LegendText = $"{Deadline} ms";
        plot.Axes.SetLimits(0, waiting.InOrder.Length, 0, Math.Max(waiting.Longest, neverWaiting.Longest) * 1.05);
        plot.Title("Frame times");
        plot.XLabel("frame");
        plot.YLabel("ms");
        plot.ShowLegend(ScottPlot.Alignment.UpperRight);
        plot.SavePng(path, 1000, 450);

        void Add(FrameTimes times, string name, ScottPlot.Color colour)
        {
            ScottPlot.Plottables.Signal line = plot.Add.Signal(times.InOrder, 1, colour);
            line.LegendText = name;
            line.LineWidth = 1.5f;
            line.MaximumMarkerSize = 0;
        }
    }
}
