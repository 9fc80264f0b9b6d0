using BenchmarkDotNet.Attributes;
using K4os.Compression.LZ4;

namespace Paging.Benchmarks.Micros;

/// <summary>The layer below arrays: pages stored and freed, against K4os encoding them.</summary>
public class StoreMicro : SwapMicro
{
    [Benchmark(Baseline = true, OperationsPerInvoke = MicroPages.Count)]
    public unsafe int Encode()
    {
        int sum = 0;
        for (int page = 0; page < MicroPages.Count; page++)
        {
            sum += LZ4Codec.Encode(Pages.Pointer(page), PageBytes, Target, TargetBytes);
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = MicroPages.Count)]
    public void StoreAndFree()
    {
        for (int page = 0; page < MicroPages.Count; page++)
        {
            Pager.Swap.Free(Pager.Swap.Store(Pages.Bytes(page)));
        }
    }
}

/// <summary>Pages loaded from the pool, their checksums verified, against K4os decoding them.</summary>
public class LoadMicro : SwapMicro
{
    private SwapId[] _ids = [];
    private byte[][] _encoded = [];
    private byte[] _destination = [];

    private protected override void Prepare()
    {
        _ids = new SwapId[MicroPages.Count];
        _encoded = new byte[MicroPages.Count][];
        _destination = new byte[PageBytes];
        byte[] scratch = new byte[LZ4Codec.MaximumOutputSize(PageBytes)];
        for (int page = 0; page < MicroPages.Count; page++)
        {
            _ids[page] = Pager.Swap.Store(Pages.Bytes(page));
            _encoded[page] = scratch[..LZ4Codec.Encode(Pages.Bytes(page), scratch)];
        }
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = MicroPages.Count)]
    public int Decode()
    {
        int sum = 0;
        foreach (byte[] encoded in _encoded)
        {
            sum += LZ4Codec.Decode(encoded, _destination);
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = MicroPages.Count)]
    public int Load()
    {
        int sum = 0;
        foreach (SwapId id in _ids)
        {
            sum += Pager.Swap.Load(id, _destination);
        }

        return sum;
    }
}

/// <summary>A pager whose pool has room, and pages.</summary>
[MemoryDiagnoser]
public abstract unsafe class SwapMicro
{
    private NativeBuffer _target = null!;

    [Params(4 << 10, 16 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    private protected Pager Pager { get; private set; } = null!;

    private protected PageSet Pages { get; private set; } = null!;

    private protected byte* Target => _target.Pointer;

    private protected int TargetBytes => (int)_target.Length;

    [GlobalSetup]
    public void Setup()
    {
        Pages = MicroPages.Load(PageBytes);
        _target = new NativeBuffer(LZ4Codec.MaximumOutputSize(PageBytes));
        Pager = new Pager(new PagerOptions
        {
            ResidentBytes = 16L << 20,
            PoolBytes = 64L << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 0,
        });
        Prepare();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        Pager.Dispose();
        _target.Dispose();
        Pages.Dispose();
    }

    private protected virtual void Prepare()
    {
    }
}
