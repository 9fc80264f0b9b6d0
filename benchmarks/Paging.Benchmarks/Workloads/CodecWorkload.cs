using System.Diagnostics;
using System.Globalization;
using Paging.Codecs;

namespace Paging.Benchmarks.Workloads;

/// <summary>What the goals and the fixed filters make of each file: ratio, time to encode and to decode a page, and what was chosen.</summary>
/// <remarks>The policies encode a file's pages in order, as an array's first eviction would, from the first page on: choosing included. Ratios count
/// stored bytes without headers; a page that does not shrink counts as it is. Every page is decoded and compared once before anything is timed. The
/// element is the one an array would have by the kind of file: 8 bytes for .f64, 4 for meshes and textures, 3 for .bmp and .tga, 1 for the
/// rest.</remarks>
internal static class CodecWorkload
{
    private const double BoundOfBest = 0.98;
    private const double BoundChoosing = 0.05;
    private const double BoundGain = 1.1;
    private const double BoundDecode = 1.5;
    private const int FewestPages = 1000;
    private const double WarmUpSeconds = 0.4;

    private static readonly HashSet<StoredForm> s_warm = [];

    public static void Run(Options options, Harness harness, Report report)
    {
        WarmUp(options);
        foreach (int pageBytes in options.PageSizes)
        {
            Totals totals = new();
            Console.WriteLine();
            Console.WriteLine(Line("file", "el", "page", "what", "ratio", "encode", "decode", "chosen"));
            foreach (FileGroup group in options.Groups)
            {
                foreach (string file in group.Files)
                {
                    using NativeBuffer? pages = Load(file, pageBytes, options.DataBytes, out int count);
                    if (pages is not null)
                    {
                        Measure(file, pages, count, pageBytes, options, report, totals);
                    }
                }
            }

            totals.Report(report, pageBytes);
        }

        GC.KeepAlive(harness);
    }

    /// <summary>Brings all codecs and filters to their last tier of code: on the first file, for so long.</summary>
    private static void WarmUp(Options options)
    {
        const double Seconds = 4;
        string file = options.Groups[0].Files[0];
        using NativeBuffer? pages = Load(file, 4 << 10, 1 << 20, out int count);
        long start = Stopwatch.GetTimestamp();
        while (pages is not null && Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds)
        {
            foreach (int element in (ReadOnlySpan<int>)[1, 3, 4, 8, 16])
            {
                foreach (CompressionGoal goal in new[] { CompressionGoal.Balanced, CompressionGoal.Ratio })
                {
                    foreach (PageFilter filter in Enum.GetValues<PageFilter>())
                    {
                        One(pages, count, 4 << 10, element, goal, filter, rounds: 1);
                    }

                    One(pages, count, 4 << 10, element, goal, null, rounds: 1);
                }
            }
        }
    }

    public static int ElementOf(string file) => Path.GetExtension(file).ToUpperInvariant() switch
    {
        ".F64" => 8,
        ".BMP" or ".TGA" => 3,
        ".DDS" or ".SDKMESH" or ".SDKMESH_ANIM" => 4,
        _ => 1,
    };

    private static void Measure(string file, NativeBuffer pages, int count, int pageBytes, Options options, Report report, Totals totals)
    {
        int element = ElementOf(file);
        string name = Path.GetFileName(file);
        List<Result> results = [];
        foreach (CompressionGoal goal in new[] { CompressionGoal.Balanced, CompressionGoal.Ratio })
        {
            foreach (PageFilter filter in Enum.GetValues<PageFilter>())
            {
                results.Add(One(pages, count, pageBytes, element, goal, filter, options.Rounds));
            }

            results.Add(One(pages, count, pageBytes, element, goal, null, options.Rounds));
        }

        results.Add(One(pages, count, pageBytes, element, CompressionGoal.Speed, null, options.Rounds));
        foreach (Result result in results)
        {
            Console.WriteLine(Line(
                name, $"{element}", Report.Size(pageBytes), result.Name,
                $"{result.Ratio:0.00}", $"{result.Encode:0}", $"{result.Decode:0}", result.Chosen));
        }

        foreach (CompressionGoal goal in new[] { CompressionGoal.Balanced, CompressionGoal.Ratio })
        {
            Result chosen = results.Single(r => r.Goal == goal && r.Filter is null);
            Result best = results
                .Where(r => r.Goal == goal && r.Filter is PageFilter.None or PageFilter.Shuffle or PageFilter.BitShuffle)
                .Where(r => r.Goal == goal)
                .MinBy(r => r.Stored)!;
            report.Add(new Row(
                "codec", name, pageBytes, chosen.Ratio, best.Ratio, "ratio", [chosen.Ratio / best.Ratio], Bound.AtLeast(BoundOfBest), double.NaN,
                $"{goal} against the best of three, {best.Filter}; decode {chosen.Decode / best.Decode:0.00}x; chosen {chosen.Chosen}"));
            totals.Add(goal, (long)count * pageBytes, chosen, best, count);
        }

        Result balanced = results.Single(r => r.Goal == CompressionGoal.Balanced && r.Filter is null);
        if (count >= FewestPages)
        {
            report.Add(new Row(
                "codec", name, pageBytes, balanced.Tried / 1e6, (long)count * pageBytes / 1e6, "MB",
                [balanced.Tried / ((double)count * pageBytes)], Bound.AtMost(BoundChoosing), double.NaN, "encoded for trial, of all"));
        }
    }

    private static unsafe Result One(
        NativeBuffer pages, int count, int pageBytes, int element, CompressionGoal goal, PageFilter? filter, int rounds)
    {
        using NativeBuffer stored = new((long)count * (pageBytes + 64));
        using NativeBuffer page = new(pageBytes);
        int[] lengths = new int[count];
        StoredForm[] forms = new StoredForm[count];
        double[] encode = new double[3];
        CompressionPolicy policy = null!;
        for (int round = 0; round < encode.Length; round++)
        {
            policy = new CompressionPolicy(element, goal, filter);
            long start = Stopwatch.GetTimestamp();
            EncodeAll(policy, pages, count, pageBytes, stored, lengths, forms);
            encode[round] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
        }

        for (int i = 0; i < count; i++)
        {
            byte* body = stored.Pointer + ((long)i * (pageBytes + 64));
            if (!PageCodec.TryDecode(forms[i], body, lengths[i], page.Pointer, pageBytes)
                || !page.Span<byte>(0, pageBytes).SequenceEqual(pages.Span<byte>((long)i * pageBytes, pageBytes)))
            {
                throw new DataMismatchException($"Page {i} came back different: {forms[i]}.");
            }
        }

        // The runtime takes its time to bring a filter's code to its last tier: so long, where one is seen for the first time.
        int seen = s_warm.Count;
        s_warm.UnionWith(forms);
        if (s_warm.Count > seen)
        {
            long warming = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(warming).TotalSeconds < WarmUpSeconds)
            {
                DecodeAll(count, pageBytes, stored, lengths, forms, page);
            }
        }

        double[] decode = new double[rounds];
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            DecodeAll(count, pageBytes, stored, lengths, forms, page);
            decode[round] = Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
        }

        long total = lengths.Sum(static l => (long)l);
        string chosen = string.Join(' ', forms
            .GroupBy(Describe)
            .OrderByDescending(static g => g.Count())
            .Take(3)
            .Select(g => $"{g.Key} {100.0 * g.Count() / count:0}%"));
        return new Result(
            $"{(goal == CompressionGoal.Balanced && filter is not null ? "LZ4"
                    : goal == CompressionGoal.Ratio && filter is not null ? "Zstd" : goal.ToString())}" +
            $"{(filter is null ? string.Empty : $" {filter}")}",
            goal, filter, total, (double)count * pageBytes / total, encode.Min(), Statistics.Median(decode), chosen, policy.Chooser?.TriedBytes ?? 0);
    }

    private static unsafe void EncodeAll(
        CompressionPolicy policy, NativeBuffer pages, int count, int pageBytes, NativeBuffer stored, int[] lengths, StoredForm[] forms)
    {
        for (int i = 0; i < count; i++)
        {
            lengths[i] = policy.Encode(
                pages.Pointer + ((long)i * pageBytes), pageBytes, stored.Pointer + ((long)i * (pageBytes + 64)), out forms[i]);
        }
    }

    private static unsafe void DecodeAll(int count, int pageBytes, NativeBuffer stored, int[] lengths, StoredForm[] forms, NativeBuffer page)
    {
        for (int i = 0; i < count; i++)
        {
            PageCodec.TryDecode(forms[i], stored.Pointer + ((long)i * (pageBytes + 64)), lengths[i], page.Pointer, pageBytes);
        }
    }

    private static string Describe(StoredForm form) => form.Codec == Codec.Raw
        ? "raw"
        : form.Filter.Kind == Codecs.Filters.FilterKind.None
            ? "none"
            : form.Filter.LaneBytes > 1 ? $"{form.Filter.Kind}({form.Filter.Stride}/{form.Filter.LaneBytes})"
                : $"{form.Filter.Kind}({form.Filter.Stride})";

    private static NativeBuffer? Load(string file, int pageBytes, long limit, out int count)
    {
        using FileStream stream = File.OpenRead(file);
        count = (int)(Math.Min(stream.Length, limit) / pageBytes);
        if (count == 0)
        {
            return null;
        }

        NativeBuffer pages = new((long)count * pageBytes);
        stream.ReadExactly(pages.Span<byte>(0, count * pageBytes));
        return pages;
    }

    private static string Line(params ReadOnlySpan<string> cells) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{cells[0],-26} {cells[1],2} {cells[2],4} {cells[3],-16} {cells[4],7} {cells[5],8} {cells[6],8}  {cells[7]}");

    private sealed record Result(
        string Name, CompressionGoal Goal, PageFilter? Filter, long Stored, double Ratio, double Encode, double Decode, string Chosen, long Tried);

    /// <summary>Over all files.</summary>
    private sealed class Totals
    {
        private readonly Dictionary<CompressionGoal, (double Bytes, double Chosen, double Best, double Decode, double BestDecode)> _sums = [];

        public void Add(CompressionGoal goal, long bytes, Result chosen, Result best, int count)
        {
            var sum = _sums.GetValueOrDefault(goal);
            _sums[goal] = (
                sum.Bytes + bytes, sum.Chosen + chosen.Stored, sum.Best + best.Stored,
                sum.Decode + (chosen.Decode * count), sum.BestDecode + (best.Decode * count));
        }

        public void Report(Report report, int pageBytes)
        {
            foreach ((CompressionGoal goal, var sum) in _sums)
            {
                report.Add(new Row(
                    "codec", $"all files, {goal}", pageBytes, sum.Bytes / sum.Chosen, sum.Bytes / sum.Best, "ratio", [sum.Best / sum.Chosen],
                    goal == CompressionGoal.Balanced ? Bound.AtLeast(BoundGain) : Bound.None,
                    double.NaN, "total ratio against the best of three of each file"));
                report.Add(new Row(
                    "codec", $"all files, {goal}", pageBytes, sum.Decode / 1e6, sum.BestDecode / 1e6, "ms", [sum.Decode / sum.BestDecode],
                    goal == CompressionGoal.Balanced ? Bound.AtMost(BoundDecode) : Bound.None, double.NaN, "time to decode them all"));
            }
        }
    }
}
