using BenchmarkDotNet.Attributes;
using Paging.Benchmarks.Workloads;

namespace Paging.Benchmarks.Micros;

/// <summary>The indexer on resident pages, against a native pointer.</summary>
[MemoryDiagnoser]
public unsafe class GetterMicro
{
    private const int Step = 5003;
    private ResidentArray<long> _data = null!;
    private PagedArray<long> _array = null!;
    private int _index;

    [Params(4 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new ResidentArray<long>(16L << 20, PageBytes, seed: 1, bits => bits);
        _array = _data.Array;
    }

    [GlobalCleanup]
    public void Cleanup() => _data.Dispose();

    [Benchmark(Baseline = true)]
    public long NativeElement() => _data.Native[Next()];

    [Benchmark]
    public long Getter() => _array[Next()];

    [Benchmark]
    public void Setter() => _array[Next()] = 3;

    private int Next() => _index = (_index + Step) & (_data.Length - 1);
}
