using System.Globalization;
using Paging.Peers.Running;
using ScottPlot;

namespace Paging.Peers.Reports;

/// <summary>Pictures: a bar a peer, rows a second, a picture for each memory and workload; the pauses; and what grows with the number of
/// pages.</summary>
internal static class Plots
{
    private const int Width = 900;

    public static void Draw(Bench bench, Options options, string folder)
    {
        foreach (var group in bench.Measurements.GroupBy(m => (m.Setting, m.Workload)))
        {
            Measurement[] sorted = [.. group.OrderBy(m => m.Rate)];
            int setting = options.Memory.TakeWhile(s => s.Name != group.Key.Setting).Count();
            string name = $"{group.Key.Workload.Replace(' ', '-').ToLowerInvariant()}-{Suffix(options.Memory[setting])}";
            Bars(
                $"{Results.Name(group.Key.Workload)} - memory: {group.Key.Setting}",
                "rows of 4 KiB a second (logarithmic; longer is better)",
                [.. sorted.Select(m => (m.Peer.Name, m.Rate, ColorOf(m.Peer.IsOurs, m.Peer.IsLimit)))],
                Path.Combine(folder, name));
        }

        foreach (var mode in bench.Flights.GroupBy(f => f.MayWait))
        {
            Bars(
                $"Longest frame but one in a hundred - assets, {(mode.Key ? "waited for" : "never waited for")}",
                "milliseconds; a frame has 16 (logarithmic; shorter is better)",
                [.. mode.OrderByDescending(f => f.At(0.99)).Select(f => (f.Peer.Name, f.At(0.99), ColorOf(f.Peer.IsOurs, f.Peer.IsLimit)))],
                Path.Combine(folder, mode.Key ? "assets-waiting" : "assets-trying"));
        }

        if (bench.Stalls.Count > 0)
        {
            Bars(
                "Longest pause but one in a hundred, while others read",
                "microseconds (logarithmic; shorter is better)",
                [.. bench.Stalls.AsEnumerable().Reverse().Where(s => s.Pauses.Length > 0)
                    .Select(s => (s.Who, Measurement.At(s.Pauses, 0.99),
                        ColorOf(s.Who.StartsWith("Paging", StringComparison.Ordinal), s.Who is "nobody" or "arrays")))],
                Path.Combine(folder, "pauses"));
        }

        if (bench.Faults.Count > 1)
        {
            Growth(bench, Path.Combine(folder, "faults"));
        }
    }

    /// <summary>Time over the number of pages.</summary>
    private static void Growth(Bench bench, string path)
    {
        using Plot plot = new();
        double[] pages = [.. bench.Faults.Select(f => Math.Log10(f.Pages))];
        Line("a fault", [.. bench.Faults.Select(f => f.Nanoseconds)], ColorOf(isOurs: true, isLimit: false));
        Line("the two loads that any table of as many pages costs", [.. bench.Faults.Select(f => f.BareNanoseconds)],
            ColorOf(isOurs: false, isLimit: true));
        double highest = bench.Faults.Max(f => f.Nanoseconds);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [.. bench.Faults.Select(f => new Tick(Math.Log10(f.Pages), $"{f.Pages:n0}"))]);
        plot.Axes.SetLimitsY(0, highest * 1.25);
        plot.ShowLegend(Alignment.UpperLeft);
        plot.Title("Time of a fault as the number of pages grows");
        plot.XLabel("pages of 4 KiB (logarithmic)");
        plot.YLabel("nanoseconds");
        plot.SavePng(path + ".png", Width, Width / 2);
        plot.SaveSvg(path + ".svg", Width, Width / 2);

        void Line(string name, double[] nanoseconds, Color color)
        {
            ScottPlot.Plottables.Scatter line = plot.Add.Scatter(pages, nanoseconds, color);
            line.LegendText = name;
            line.LineWidth = 3;
            line.MarkerSize = 9;
        }
    }

    private static string Suffix(MemorySetting setting) =>
        setting.Share is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.###}") : "fit";

    private static Color ColorOf(bool isOurs, bool isLimit) =>
        isOurs ? Color.FromHex("#1b6ca8") : isLimit ? Color.FromHex("#bbbbbb") : Color.FromHex("#e08e45");

    private static void Bars(string title, string axis, (string Name, double Value, Color Color)[] bars, string path)
    {
        using Plot plot = new();
        double lowest = Math.Floor(bars.Min(b => Math.Log10(b.Value)));
        double highest = Math.Ceiling(bars.Max(b => Math.Log10(b.Value)) + 0.2);
        for (int i = 0; i < bars.Length; i++)
        {
            plot.Add.Bar(new Bar
            {
                Position = i,
                ValueBase = lowest,
                Value = Math.Log10(bars[i].Value),
                FillColor = bars[i].Color,
                LineWidth = 0,
                Orientation = Orientation.Horizontal,
            });
            ScottPlot.Plottables.Text label =
                plot.Add.Text(bars[i].Value >= 100 ? $"{bars[i].Value:n0}" : $"{bars[i].Value:0.0#}", Math.Log10(bars[i].Value) + 0.02, i);
            label.LabelAlignment = Alignment.MiddleLeft;
        }

        Tick[] ticks =
            [.. Enumerable.Range((int)lowest, (int)(highest - lowest) + 1)
                .Select(power => new Tick(power, power < 0 ? $"{Math.Pow(10, power)}" : $"{Math.Pow(10, power):n0}"))];
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(ticks);
        plot.Axes.Left.TickGenerator = new ScottPlot.TickGenerators.NumericManual([.. bars.Select((b, i) => new Tick(i, b.Name))]);
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Margins(left: 0);
        plot.Axes.Right.MinimumSize = 48; // half of the last number below
        plot.Axes.SetLimitsX(lowest, highest);
        plot.HideGrid();
        plot.Title(title);
        plot.XLabel(axis);
        int height = 120 + (32 * bars.Length);
        plot.SavePng(path + ".png", Width, height);
        plot.SaveSvg(path + ".svg", Width, height);
    }
}
