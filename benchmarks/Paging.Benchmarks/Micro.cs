using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Running;

namespace Paging.Benchmarks;

/// <summary>BenchmarkDotNet, for looking at single operations while working on them. No bound is on these.</summary>
internal static class Micro
{
    public static void Run(string[] args)
    {
        IConfig config = DefaultConfig.Instance.WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "BenchmarkDotNet.Artifacts"));
        _ = BenchmarkSwitcher.FromTypes([typeof(ResidentMicro), typeof(SwapMicro)]).Run(args, config);
    }
}

/// <summary>Operations on pages that are resident.</summary>
[MemoryDiagnoser]
public class ResidentMicro
{
    private Pager _pager = null!;
    private PagedArray<long> _array = null!;
    private long _index;

    [Params(4 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _pager = new Pager(new PagerOptions
        {
            ResidentBytes = 64L << 20,
            PoolBytes = 64L << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 0,
        });
        _array = _pager.Allocate<long>((16L << 20) / sizeof(long));
        _array.Fill(0, _array.Length, 1);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _array.Dispose();
        _pager.Dispose();
    }

    [Benchmark]
    public long ReadLease()
    {
        using ReadLease<long> lease = _array.Read(Next());
        return lease.Span[0];
    }

    [Benchmark]
    public void WriteLease()
    {
        using WriteLease<long> lease = _array.Write(Next());
        lease.Span[0] = 2;
    }

    [Benchmark]
    public long Getter() => _array[Next()];

    [Benchmark]
    public void Setter() => _array[Next()] = 3;

    private long Next() => _index = (_index + 5003) & (_array.Length - 1);
}

/// <summary>The layer below: one page stored, loaded and freed.</summary>
[MemoryDiagnoser]
public class SwapMicro
{
    private Pager _pager = null!;
    private byte[] _page = [];
    private byte[] _destination = [];
    private SwapId _id;

    [Params(4 << 10, 16 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _pager = new Pager(new PagerOptions
        {
            ResidentBytes = 16L << 20,
            PoolBytes = 64L << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 0,
        });
        _page = new byte[PageBytes];
        _destination = new byte[PageBytes];
        Random random = new(1);
        for (int i = 0; i < _page.Length; i++)
        {
            _page[i] = (byte)(i % 8 < 4 ? random.Next(16) : i >> 8); // of a ratio of about 2
        }

        _id = _pager.Swap.Store(_page);
    }

    [GlobalCleanup]
    public void Cleanup() => _pager.Dispose();

    [Benchmark]
    public int Load() => _pager.Swap.Load(_id, _destination);

    [Benchmark]
    public void StoreAndFree() => _pager.Swap.Free(_pager.Swap.Store(_page));
}
