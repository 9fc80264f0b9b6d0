using BenchmarkDotNet.Attributes;
using Paging.Benchmarks.Workloads;

namespace Paging.Benchmarks.Micros;

/// <summary>A fault from the pool, the eviction that makes room included, against K4os decoding the same pages in the same order.</summary>
/// <remarks>A time is of an access. There are frames for one page in 32, so that nearly all of them are faults; `fault` counts exactly.</remarks>
[MemoryDiagnoser]
public class FaultMicro
{
    private const int Pages = 64 * PagesAFrame;
    private const int PagesAFrame = 32;
    private PageSet _pages = null!;
    private PagedPages _paged = null!;
    private PackedPages _packed = null!;
    private FaultingSide _ours = null!;
    private PackedSide _limit = null!;

    [Params(4 << 10, 16 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _pages = MicroPages.Load(PageBytes, Pages);
        long resident = _pages.TotalBytes / PagesAFrame;
        int[] order = Orders.Permutation(_pages.Count, seed: 1);
        _paged = new PagedPages(_pages, resident);
        _packed = new PackedPages(_pages, resident, encoded: true);
        _ours = new FaultingSide(_paged, order);
        _limit = new PackedSide(_packed, order, encoded: true);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _paged.Verify(_pages);
        _packed.Verify(_pages, encoded: true);
        _packed.Dispose();
        _paged.Dispose();
        _pages.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Pages)]
    public long Decode() => _limit.Run().Sum;

    [Benchmark(OperationsPerInvoke = Pages)]
    public long Fault() => _ours.Run().Sum;
}
