using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Benchmarks.Workloads;

/// <summary>Our side of the file workloads: the pages in an array whose segments have been pushed out, the frames clean.</summary>
/// <remarks>As a rule no background threads, so that all the work of paging falls into the time that is measured. A few pages stay in segments
/// that were not full when all others were written: <see cref="Filed"/> leaves them out. The pool is small, a sixteenth of what is stored:
/// what comes from the file moves into it when it leaves its frame, as far as there is room.</remarks>
internal sealed class FiledPages : IDisposable
{
    private const int PoolShare = 16;

    private readonly PagedArray<long> _array;

    /// <param name="pages">The pages.</param>
    /// <param name="options">Frames, and where the file goes.</param>
    /// <param name="encrypt">Whether the file is encrypted.</param>
    /// <param name="backgroundThreads">Threads that read ahead and reclaim beside the one that is measured.</param>
    public FiledPages(PageSet pages, Options options, bool encrypt = false, int backgroundThreads = 0)
    {
        long bytes = RawFile.WholeBlocks(PagedPages.PoolBytesFor(pages));
        Stage = new SwapStage(
            new PagerOptions
            {
                ResidentBytes = options.ResidentFor(pages.TotalBytes, pages.PageBytes),
                PoolBytes = RawFile.WholeBlocks(Math.Max(pages.EncodedBytes / PoolShare, 2 * LogGeometry.MinPoolBytes(pages.PageBytes))),
                PageBytes = pages.PageBytes,
                BackgroundThreads = backgroundThreads,
            },
            new SwapFileOptions { Path = options.SwapDirectory, Bytes = bytes, Encrypt = encrypt });
        _array = Load(Stage, pages);
        Stage.PushOut();
        Filed = [.. Enumerable.Range(0, pages.Count).Where(ComesFromFile)];
    }

    public SwapStage Stage { get; }

    /// <summary>The pages whose only copy is in the file.</summary>
    public int[] Filed { get; }

    public PagerStatistics Statistics => Stage.Statistics;

    /// <summary>An array of the pages, all stored; what is in frames is clean.</summary>
    public static PagedArray<long> Load(SwapStage stage, PageSet pages)
    {
        PagedArray<long> array = stage.Allocate(pages);
        for (int i = 0; i < pages.Count; i++)
        {
            array.CopyFrom((long)i * array.PageLength, pages.Longs(i));
        }

        // The last pages are in frames, and dirty: reading others evicts them.
        for (int i = 0; i < pages.Count / 2; i++)
        {
            _ = array[(long)i * array.PageLength];
        }

        return array;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Read(ReadOnlySpan<int> order)
    {
        PagedArray<long> array = _array;
        long pageLength = array.PageLength;
        long sum = 0;
        foreach (int page in order)
        {
            using ReadLease<long> lease = array.Read(page * pageLength);
            sum += lease.Span[0];
        }

        return sum;
    }

    /// <summary>Checks that a workload was about the file.</summary>
    /// <param name="faults">Its faults from the file.</param>
    /// <param name="accesses">Its accesses: an eighth of them may find its page in a frame, and a sixteenth in the pool; of large pages, of which
    /// there are few, twice as many.</param>
    public static void CheckFiled(long faults, long accesses)
    {
        if (faults < accesses / 2)
        {
            throw new InvalidDataException($"Only {faults:N0} of {accesses:N0} pages came from the file: the rest was in the pool or in frames.");
        }
    }

    public void Verify(PageSet pages)
    {
        byte[] read = new byte[pages.PageBytes];
        for (int i = 0; i < pages.Count; i += 3)
        {
            _array.CopyTo((long)i * _array.PageLength, MemoryMarshal.Cast<byte, long>(read.AsSpan()));
            pages.Verify(i, read, "the array");
        }
    }

    public void Dispose()
    {
        _array.Dispose();
        Stage.Dispose();
    }

    private bool ComesFromFile(int page)
    {
        long before = Stage.Domain.Counters[Counter.FaultsFromFile];
        _ = Read([page]);
        return Stage.Domain.Counters[Counter.FaultsFromFile] != before;
    }
}

/// <summary>Pages in a random order that is cut into windows, one a pass, so that a pass is short and no page returns before all others
/// have been read.</summary>
internal sealed class Windows(int[] order, int length)
{
    private const int RoundFactor = 12;
    private const double RoundSeconds = 0.002;

    private int _next;

    /// <summary>Many short rounds: most of them escape whatever else the machine does, where a long one would hold a stall each.</summary>
    public static Harness Harness(Harness harness) => new(harness.Rounds * RoundFactor, RoundSeconds);

    /// <summary>Pages in a window; a multiple of <paramref name="share"/>.</summary>
    public static int LengthFor(int pages, int most, int share) => Math.Max(1, Math.Min(pages / 2, most) / share) * share;

    public ReadOnlySpan<int> Take()
    {
        if (_next + length > order.Length)
        {
            _next = 0;
        }

        _next += length;
        return order.AsSpan(_next - length, length);
    }
}

/// <summary>Faults in windows by one thread; an operation is a fault from the file that the statistics counted.</summary>
internal sealed class FileFaultingSide(FiledPages pages, Windows windows) : ISide
{
    private long _accesses;
    private long _faults;
    private long _evictions;
    private long _cleanEvictions;

    public void Check() => FiledPages.CheckFiled(_faults, _accesses);

    public string Note =>
        $"from the file {100.0 * _faults / _accesses:0.0}%, clean {100.0 * _cleanEvictions / Math.Max(1, _evictions):0.0}%";

    public Outcome Run()
    {
        PagerStatistics before = pages.Statistics;
        ReadOnlySpan<int> order = windows.Take();
        long sum = 0;
        for (int i = 0; i < order.Length; i += Orders.Slice)
        {
            sum += pages.Read(order[i..Math.Min(i + Orders.Slice, order.Length)]);
        }

        PagerStatistics after = pages.Statistics;
        long faults = after.FaultsFromFile - before.FaultsFromFile;
        _accesses += order.Length;
        _faults += faults;
        _evictions += after.Evictions - before.Evictions;
        _cleanEvictions += after.CleanEvictions - before.CleanEvictions;
        return new Outcome(faults, sum);
    }
}
