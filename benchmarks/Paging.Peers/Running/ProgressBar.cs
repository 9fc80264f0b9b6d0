using System.Diagnostics;

namespace Paging.Peers.Running;

/// <summary>One line drawn over and over on a terminal; a line now and then anywhere else.</summary>
internal sealed class ProgressBar
{
    private const int Cells = 24;
    private static readonly TimeSpan s_betweenLines = TimeSpan.FromSeconds(15);
    private readonly bool _live = !Console.IsErrorRedirected;
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _next = s_betweenLines;
    private double _done;
    private double _total;
    private int _drawn;

    /// <summary>So many seconds of work more.</summary>
    public void Expect(double seconds) => _total += seconds;

    /// <summary>So many of them are over.</summary>
    public void Step(double seconds, string what)
    {
        _done += seconds;
        Draw(what);
    }

    public void Draw(string what)
    {
        double share = _total > 0 ? Math.Clamp(_done / _total, 0, 1) : 0;
        int full = (int)(share * Cells);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        string line = $"[{new string('#', full)}{new string('.', Cells - full)}] {share,4:P0} {elapsed:mm\\:ss}  {what}";
        if (_live)
        {
            Overwrite(line);
        }
        else if (elapsed >= _next)
        {
            _next = elapsed + s_betweenLines;
            Console.Error.WriteLine(line);
        }
    }

    /// <summary>Makes room for other output.</summary>
    public void Clear()
    {
        if (_live)
        {
            Overwrite("");
            Console.Error.Write('\r');
        }
    }

    private void Overwrite(string line)
    {
        // A line that wraps cannot be drawn over. Some terminals do not tell their width and say 0.
        int width = Console.WindowWidth > 0 ? Console.WindowWidth - 1 : 79;
        line = line.Length > width ? line[..width] : line;
        Console.Error.Write("\r" + line.PadRight(_drawn));
        _drawn = line.Length;
    }
}
