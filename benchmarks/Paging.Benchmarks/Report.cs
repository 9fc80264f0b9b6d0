using System.Globalization;

namespace Paging.Benchmarks;

/// <summary>A bound of the project: what it holds is either at most or at least the value.</summary>
internal readonly record struct Bound(double Value, bool IsAtLeast, string Unit)
{
    /// <summary>A row that is there to be looked at.</summary>
    public static Bound None => default;

    public bool Exists => Unit is not null;

    public static Bound AtMost(double value, string unit = "x") => new(value, false, unit);

    public static Bound AtLeast(double value, string unit = "x") => new(value, true, unit);

    public bool IsMetBy(double value) => IsAtLeast ? value >= Value : value <= Value;

    public override string ToString() =>
        Exists ? string.Create(CultureInfo.InvariantCulture, $"{(IsAtLeast ? ">=" : "<=")} {Value:0.###}{Unit}") : "-";
}

/// <summary>A line of the table.</summary>
/// <param name="Ours">Median of our side.</param>
/// <param name="Limit">Median of what it is held against.</param>
/// <param name="Judged">What the bound speaks of, a value a round: the ratio or the difference within the round.</param>
/// <param name="AllocatedPerOperation">Managed bytes of our side; NaN where it was not measured.</param>
internal sealed record Row(
    string Workload,
    string Data,
    int PageBytes,
    double Ours,
    double Limit,
    string Unit,
    double[] Judged,
    Bound Bound,
    double AllocatedPerOperation,
    string Note)
{
    public double Value => Statistics.Median(Judged);

    public bool IsMissed => Bound.Exists && !Bound.IsMetBy(Value);

    public string Verdict => !Bound.Exists ? "-" : IsMissed ? "MISSED" : "met";

    /// <summary>The median of ours over the limit, round by round.</summary>
    public static Row Ratio(string workload, string data, int pageBytes, Series ours, Series limit, Bound bound, string note) =>
        Judge(workload, data, pageBytes, ours, limit, (a, b) => a / b, bound, note);

    /// <summary>How many times ours is faster than the other.</summary>
    public static Row Gain(string workload, string data, int pageBytes, Series ours, Series other, Bound bound, string note) =>
        Judge(workload, data, pageBytes, ours, other, (a, b) => b / a, bound, note);

    /// <summary>By how many nanoseconds ours is above the limit.</summary>
    public static Row Difference(string workload, string data, int pageBytes, Series ours, Series limit, Bound bound, string note) =>
        Judge(workload, data, pageBytes, ours, limit, (a, b) => a - b, bound, note);

    /// <summary>Bytes a nanosecond, which are GB/s, of operations that move so many bytes each; judged by ours over the limit's.</summary>
    public static Row Throughput(
        string workload, string data, int pageBytes, double bytesPerOperation, Series ours, Series limit, Bound bound, string note)
    {
        Row gain = Gain(workload, data, pageBytes, ours, limit, bound, note);
        return gain with { Ours = bytesPerOperation / ours.Median, Limit = bytesPerOperation / limit.Median, Unit = "GB/s" };
    }

    private static Row Judge(
        string workload,
        string data,
        int pageBytes,
        Series ours,
        Series limit,
        Func<double, double, double> judge,
        Bound bound,
        string note)
    {
        double[] judged = [.. ours.Nanoseconds.Zip(limit.Nanoseconds, judge)];
        return new Row(workload, data, pageBytes, ours.Median, limit.Median, "ns", judged, bound, ours.AllocatedPerOperation, note);
    }
}

/// <summary>The table, printed as it grows, and the summary of it.</summary>
internal sealed class Report
{
    private readonly List<Row> _rows = [];
    private bool _headed;

    public void Add(Row row)
    {
        if (!_headed)
        {
            Console.WriteLine(
                Line("workload", "data", "page", "ours", "limit", "unit", "judged", "min - max", "B/op", "bound", "", "remarks"));
            _headed = true;
        }

        _rows.Add(row);
        Console.WriteLine(Line(row));
    }

    public void Summarize()
    {
        if (_rows.Count == 0)
        {
            return;
        }

        Row[] bounded = [.. _rows.Where(r => r.Bound.Exists)];
        Row[] missed = [.. bounded.Where(r => r.IsMissed)];
        Row[] allocating = [.. _rows.Where(r => r.AllocatedPerOperation > 0)];
        Console.WriteLine();
        Console.WriteLine($"{bounded.Length - missed.Length} of {bounded.Length} bounds met.");
        Print("Missed:", missed);
        Print("With managed allocation on our side:", allocating);
    }

    public static string Size(long bytes) => bytes switch
    {
        >= 1L << 30 when bytes % (1L << 30) == 0 => $"{bytes >> 30}G",
        >= 1L << 20 when bytes % (1L << 20) == 0 => $"{bytes >> 20}M",
        >= 1L << 10 when bytes % (1L << 10) == 0 => $"{bytes >> 10}K",
        _ => bytes.ToString(CultureInfo.InvariantCulture),
    };

    private static void Print(string title, Row[] rows)
    {
        if (rows.Length > 0)
        {
            Console.WriteLine(title);
            foreach (Row row in rows)
            {
                Console.WriteLine(Line(row));
            }
        }
    }

    private static string Line(Row row) => Line(
        row.Workload,
        row.Data,
        Size(row.PageBytes),
        Number(row.Ours),
        Number(row.Limit),
        row.Unit,
        Number(row.Value),
        $"{Number(row.Judged.Min())} - {Number(row.Judged.Max())}",
        double.IsNaN(row.AllocatedPerOperation) ? "-" : row.AllocatedPerOperation.ToString("0.####", CultureInfo.InvariantCulture),
        row.Bound.ToString(),
        row.Verdict,
        row.Note);

    private static string Line(params ReadOnlySpan<string> cells) =>
        ($"{cells[0],-11} {Clip(cells[1], 26),-26} {cells[2],4} {cells[3],9} {cells[4],9} {cells[5],-5} {cells[6],8} " +
        $"{cells[7],17} {cells[8],7} {cells[9],10} {cells[10],-6}  {cells[11]}").TrimEnd();

    private static string Clip(string text, int width) => text.Length <= width ? text : text[..(width - 2)] + "..";

    private static string Number(double value) =>
        value.ToString(Math.Abs(value) >= 1000 ? "0" : Math.Abs(value) >= 20 ? "0.0" : "0.000", CultureInfo.InvariantCulture);
}
