namespace QuickStart;

/// <summary>Shows how far a phase is: one line drawn over and over on a terminal, a line now and then anywhere else.</summary>
internal sealed class ProgressBar
{
    private const int Cells = 30;
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(5);

    private readonly bool _live = !Console.IsOutputRedirected;
    private string _name = "";
    private long _totalBytes;
    private TimeSpan _nextLine;
    private int _drawn;

    public void Begin(string name, long totalBytes)
    {
        _name = name;
        _totalBytes = totalBytes;
        _nextLine = s_betweenLines;
        if (_live)
            Draw(0, TimeSpan.Zero);
    }

    public void Draw(long bytes, TimeSpan elapsed)
    {
        double share = _totalBytes > 0 ? Math.Clamp((double)bytes / _totalBytes, 0, 1) : 1;
        string speed = elapsed > TimeSpan.Zero ? Rate(bytes / elapsed.TotalSeconds) : "";
        if (_live)
        {
            int full = (int)(share * Cells);
            Overwrite($"  {_name,-24} [{new string('#', full)}{new string('.', Cells - full)}] {share * 100,3:0}%  {speed}");
        }
        else if (elapsed >= _nextLine)
        {
            _nextLine = elapsed + s_betweenLines;
            Console.WriteLine($"  {_name,-24} {share * 100,9:0}% so far {speed,33}");
        }
    }

    /// <param name="phase">Null when it failed: what went wrong is for others to say.</param>
    public void End(Phase? phase)
    {
        if (_live)
            Overwrite("");
        if (phase is Phase done)
        {
            Console.WriteLine($"  {done.Name,-24} {done.Steps,10:n0} pages, {Sizes.Format(done.Bytes),9} "
                + $"in {done.Elapsed.TotalSeconds,6:0.00} s {Rate(done.BytesPerSecond),15}");
        }
    }

    /// <summary>In one unit always, so that speeds can be compared at a glance.</summary>
    public static string Rate(double bytesPerSecond)
    {
        double mebibytes = bytesPerSecond / (1 << 20);
        return (mebibytes < 10 ? $"{mebibytes:0.0}" : $"{mebibytes:n0}") + " MiB/s";
    }

    private void Overwrite(string line)
    {
        // A line that wraps cannot be drawn over. Some terminals do not tell their width and say 0.
        int width = Console.WindowWidth > 0 ? Console.WindowWidth - 1 : 79;
        if (line.Length > width)
            line = line[..width];

        Console.Write("\r" + line.PadRight(_drawn) + (line.Length == 0 ? "\r" : ""));
        _drawn = line.Length;
    }
}
