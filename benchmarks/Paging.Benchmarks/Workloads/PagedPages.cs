using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Our side of the fault workloads: the pages in an array with fewer frames, all stored, the frames clean.</summary>
/// <remarks>There are no background threads unless they are what is measured, so that all the work of paging falls into the time that
/// is.</remarks>
internal sealed class PagedPages : IDisposable
{
    private readonly Pager _pager;
    private readonly PagedArray<long> _array;

    public PagedPages(PageSet pages, long residentBytes, int backgroundThreads = 0)
    {
        _pager = new Pager(new PagerOptions
        {
            ResidentBytes = residentBytes,
            PoolBytes = PoolBytesFor(pages),
            PageBytes = pages.PageBytes,
            BackgroundThreads = backgroundThreads,
        });
        _array = _pager.Allocate<long>(pages.TotalBytes / sizeof(long), Plain.Options);
        for (int i = 0; i < pages.Count; i++)
        {
            _array.CopyFrom((long)i * _array.PageLength, pages.Longs(i));
        }

        // Every page passes through a frame, so the dirty ones are evicted and what is resident afterwards is clean.
        for (int i = 0; i < pages.Count; i += Orders.Slice)
        {
            _ = Read([.. Enumerable.Range(i, Math.Min(Orders.Slice, pages.Count - i))]);
        }
    }

    public PagerStatistics Statistics => _pager.GetStatistics();

    /// <summary>Room for all pages as they are: nothing here is about a full pool.</summary>
    public static long PoolBytesFor(PageSet pages) => (pages.TotalBytes / 4 * 5) + (32L << 20);

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

    public void Verify(PageSet pages)
    {
        byte[] read = new byte[pages.PageBytes];
        for (int i = 0; i < pages.Count; i++)
        {
            _array.CopyTo((long)i * _array.PageLength, MemoryMarshal.Cast<byte, long>(read.AsSpan()));
            pages.Verify(i, read, "the array");
        }
    }

    public void Dispose()
    {
        _array.Dispose();
        _pager.Dispose();
    }
}

/// <summary>Faults in a given order by one thread; an operation is a fault that the statistics counted.</summary>
internal sealed class FaultingSide(PagedPages pages, int[] order) : ISide
{
    public long Accesses { get; private set; }

    public long Faults { get; private set; }

    public long Evictions { get; private set; }

    public long CleanEvictions { get; private set; }

    public string Note => $"faults {100.0 * Faults / Accesses:0.0}%, clean {100.0 * CleanEvictions / Math.Max(1, Evictions):0.0}%";

    public Outcome Run()
    {
        PagerStatistics before = pages.Statistics;
        long sum = 0;
        for (int i = 0; i < order.Length; i += Orders.Slice)
        {
            sum += pages.Read(Orders.SliceAt(order, i));
        }

        PagerStatistics after = pages.Statistics;
        Accesses += order.Length;
        Faults += after.Faults - before.Faults;
        Evictions += after.Evictions - before.Evictions;
        CleanEvictions += after.CleanEvictions - before.CleanEvictions;
        return new Outcome(after.Faults - before.Faults, sum);
    }
}
