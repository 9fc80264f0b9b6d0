using BenchmarkDotNet.Attributes;
using Paging.Codecs.Filters;

namespace Paging.Benchmarks.Micros;

/// <summary>A filter applied to pages and undone, against a copy of them, which is the least that can be done.</summary>
[MemoryDiagnoser]
public unsafe class FilterMicro
{
    private PageSet _pages = null!;
    private NativeBuffer _target = null!;
    private NativeBuffer _scratch = null!;
    private Filter _filter;

    [Params(16 << 10)]
    public int PageBytes { get; set; }

    [Params("Shuffle", "BitShuffle", "DeltaShuffle", "DeltaBitShuffle", "XorBitShuffle")]
    public string Kind { get; set; } = "";

    [Params(4, 8)]
    public int ElementBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        FilterKind kind = Enum.Parse<FilterKind>(Kind);
        _filter = new Filter(kind, ElementBytes, kind is FilterKind.DeltaShuffle or FilterKind.DeltaBitShuffle ? ElementBytes : 1);
        _pages = MicroPages.Load(PageBytes);
        _target = new NativeBuffer(PageBytes);
        _scratch = new NativeBuffer(PageBytes);
        using NativeBuffer undone = new(PageBytes);
        for (int page = 0; page < MicroPages.Count; page++)
        {
            PageFilters.Apply(_filter, _pages.Pointer(page), _target.Pointer, _scratch.Pointer, PageBytes);
            PageFilters.Undo(_filter, _target.Pointer, undone.Pointer, _scratch.Pointer, PageBytes);
            _pages.Verify(page, undone.Span<byte>(0, PageBytes), "the filter");
        }
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _scratch.Dispose();
        _target.Dispose();
        _pages.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = MicroPages.Count)]
    public void Copy()
    {
        for (int page = 0; page < MicroPages.Count; page++)
        {
            _pages.Bytes(page).CopyTo(_target.Span<byte>(0, PageBytes));
        }
    }

    [Benchmark(OperationsPerInvoke = MicroPages.Count)]
    public void Apply()
    {
        for (int page = 0; page < MicroPages.Count; page++)
        {
            PageFilters.Apply(_filter, _pages.Pointer(page), _target.Pointer, _scratch.Pointer, PageBytes);
        }
    }

    /// <summary>Of pages that no filter has made, which it does not see.</summary>
    [Benchmark(OperationsPerInvoke = MicroPages.Count)]
    public void Undo()
    {
        for (int page = 0; page < MicroPages.Count; page++)
        {
            PageFilters.Undo(_filter, _pages.Pointer(page), _target.Pointer, _scratch.Pointer, PageBytes);
        }
    }
}
