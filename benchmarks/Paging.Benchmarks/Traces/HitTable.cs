using System.Globalization;
using System.Text;

namespace Paging.Benchmarks.Traces;

/// <summary>Hit ratios: a line for a trace and a number of frames, a column for a policy, and the mean of all lines at the end.</summary>
/// <param name="policies">The columns.</param>
/// <param name="csvPath">A file for the same, as fractions; null for none.</param>
internal sealed class HitTable(IReadOnlyList<string> policies, string? csvPath)
{
    private const int NameWidth = 22;

    private readonly List<double[]> _ratios = [];
    private readonly StringBuilder _csv = new();

    public void Begin()
    {
        string[] heads = ["trace", "accesses", "pages", "frames", .. policies];
        Console.WriteLine(Line(heads));
        _csv.AppendLine(string.Join(',', heads));
    }

    /// <param name="trace">Whose accesses.</param>
    /// <param name="frames">Over so many frames.</param>
    /// <param name="ratios">Of each policy, from 0 to 1.</param>
    public void Add(Trace trace, int frames, double[] ratios)
    {
        _ratios.Add(ratios);
        string[] heads = [trace.Name, Text(trace.Accesses.Length), Text(trace.DistinctPages), Text(frames)];
        Console.WriteLine(Line([.. heads, .. ratios.Select(Percent)]));
        _csv.AppendLine(string.Join(',', [.. heads, .. ratios.Select(r => r.ToString("0.000000", CultureInfo.InvariantCulture))]));
    }

    public void End()
    {
        string[] means = [.. Enumerable.Range(0, policies.Count).Select(column => Percent(_ratios.Average(line => line[column])))];
        Console.WriteLine(Line(["mean", string.Empty, string.Empty, string.Empty, .. means]));
        if (csvPath is not null)
        {
            File.WriteAllText(csvPath, _csv.ToString());
        }
    }

    private string Line(string[] cells) =>
        $"{cells[0],-NameWidth} {cells[1],9} {cells[2],7} {cells[3],7}" +
        string.Concat(policies.Select((policy, i) => $"  {cells[4 + i].PadLeft(Math.Max(policy.Length, 5))}"));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Percent(double ratio) => (100 * ratio).ToString("0.0", CultureInfo.InvariantCulture);
}
