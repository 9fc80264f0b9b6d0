namespace Samples;

/// <summary>How far something is: one line drawn over and over. Draws nothing where the output is no terminal.</summary>
/// <remarks><see cref="Progress{T}"/> would hand reports to the thread pool, and the last of them might come after the line that says
/// that it is done. This one draws on the thread that reports.</remarks>
internal sealed class ProgressLine(string name) : IProgress<double>, IDisposable
{
    private const int Cells = 30;

    private readonly Lock _drawing = new();
    private readonly bool _isSilent = Console.IsOutputRedirected;
    private int _percent = -1;
    private int _drawn;

    public void Report(double value)
    {
        if (_isSilent)
            return;

        lock (_drawing)
        {
            int percent = (int)(Math.Clamp(value, 0, 1) * 100);
            if (percent <= _percent)
                return;

            _percent = percent;
            int full = percent * Cells / 100;
            string line = $"  {name,-26} [{new string('#', full)}{new string('.', Cells - full)}] {percent,3}%";
            _drawn = line.Length;
            Console.Write("\r" + line);
        }
    }

    /// <summary>Leaves an empty line to write on.</summary>
    public void Dispose()
    {
        if (_drawn > 0)
            Console.Write("\r" + new string(' ', _drawn) + "\r");
    }
}
