using System.Numerics;
using BenchmarkDotNet.Attributes;
using Paging.Benchmarks.Workloads;

namespace Paging.Benchmarks.Micros;

/// <summary>A lease on a resident page, against two interlocked adds and the same access.</summary>
[MemoryDiagnoser]
public unsafe class LeaseMicro
{
    private const int Step = 5003;
    private ResidentArray<long> _data = null!;
    private PagedArray<long> _array = null!;
    private NativeBuffer _counters = null!;
    private int _shift;
    private int _index;

    [Params(4 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new ResidentArray<long>(16L << 20, PageBytes, seed: 1, bits => bits);
        _array = _data.Array;
        _shift = BitOperations.Log2((uint)(PageBytes / sizeof(long)));
        _counters = new NativeBuffer(sizeof(long) * ((_data.Length >> _shift) + 1L));
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _counters.Dispose();
        _data.Dispose();
    }

    [Benchmark(Baseline = true)]
    public long TwoInterlockedAdds()
    {
        int index = Next();
        ref long counter = ref ((long*)_counters.Pointer)[index >> _shift];
        _ = Interlocked.Add(ref counter, 1);
        long value = _data.Native[index];
        _ = Interlocked.Add(ref counter, -1);
        return value;
    }

    [Benchmark]
    public long Read()
    {
        using ReadLease<long> lease = _array.Read(Next());
        return lease.Span[0];
    }

    [Benchmark]
    public long TryRead()
    {
        if (!_array.TryRead(Next(), out ReadLease<long> lease))
        {
            return 0;
        }

        using (lease)
        {
            return lease.Span[0];
        }
    }

    [Benchmark]
    public void Write()
    {
        using WriteLease<long> lease = _array.Write(Next());
        lease.Span[0] = 2;
    }

    private int Next() => _index = (_index + Step) & (_data.Length - 1);
}
