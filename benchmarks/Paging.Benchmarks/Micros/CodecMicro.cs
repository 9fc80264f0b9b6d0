using BenchmarkDotNet.Attributes;
using K4os.Compression.LZ4;
using Paging.Codecs;

namespace Paging.Benchmarks.Micros;

/// <summary>Pages encoded as a goal has it, the choice of filters included, against K4os alone.</summary>
[MemoryDiagnoser]
public unsafe class CodecMicro : CodecPages
{
    [Benchmark(Baseline = true, OperationsPerInvoke = MicroPages.Count)]
    public int EncodeByK4os()
    {
        int sum = 0;
        for (int page = 0; page < MicroPages.Count; page++)
        {
            sum += LZ4Codec.Encode(Pages.Pointer(page), PageBytes, Target, TargetBytes);
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = MicroPages.Count)]
    public int Encode()
    {
        int sum = 0;
        for (int page = 0; page < MicroPages.Count; page++)
        {
            sum += Policy.Encode(Pages.Pointer(page), PageBytes, Target, out _);
        }

        return sum;
    }
}

/// <summary>Pages decoded as a goal has encoded them, against K4os decoding its own.</summary>
[MemoryDiagnoser]
public unsafe class DecodeMicro : CodecPages
{
    private readonly StoredForm[] _forms = new StoredForm[MicroPages.Count];
    private readonly int[] _lengths = new int[MicroPages.Count];
    private readonly int[] _lz4Lengths = new int[MicroPages.Count];
    private NativeBuffer _stored = null!;
    private NativeBuffer _lz4 = null!;

    private protected override void Prepare()
    {
        _stored = new NativeBuffer((long)MicroPages.Count * TargetBytes);
        _lz4 = new NativeBuffer((long)MicroPages.Count * TargetBytes);
        for (int page = 0; page < MicroPages.Count; page++)
        {
            _lengths[page] = Policy.Encode(Pages.Pointer(page), PageBytes, At(_stored, page), out _forms[page]);
            _lz4Lengths[page] = LZ4Codec.Encode(Pages.Pointer(page), PageBytes, At(_lz4, page), TargetBytes);
            if (!PageCodec.TryDecode(_forms[page], At(_stored, page), _lengths[page], Target, PageBytes))
            {
                throw new DataMismatchException($"Page {page} does not decode.");
            }

            Pages.Verify(page, new ReadOnlySpan<byte>(Target, PageBytes), "the codec");
        }
    }

    private protected override void Release()
    {
        _lz4.Dispose();
        _stored.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = MicroPages.Count)]
    public int DecodeByK4os()
    {
        int sum = 0;
        for (int page = 0; page < MicroPages.Count; page++)
        {
            sum += LZ4Codec.Decode(At(_lz4, page), _lz4Lengths[page], Target, PageBytes);
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = MicroPages.Count)]
    public int Decode()
    {
        int sum = 0;
        for (int page = 0; page < MicroPages.Count; page++)
        {
            sum += PageCodec.TryDecode(_forms[page], At(_stored, page), _lengths[page], Target, PageBytes) ? 1 : 0;
        }

        return sum;
    }

    private byte* At(NativeBuffer buffer, int page) => buffer.Pointer + ((long)page * TargetBytes);
}

/// <summary>Pages of code, as bytes, and a policy for them.</summary>
public abstract unsafe class CodecPages
{
    private NativeBuffer _target = null!;

    [Params(4 << 10, 64 << 10)]
    public int PageBytes { get; set; }

    [Params(CompressionGoal.Speed, CompressionGoal.Balanced, CompressionGoal.Ratio)]
    public CompressionGoal Goal { get; set; }

    private protected PageSet Pages { get; private set; } = null!;

    private protected CompressionPolicy Policy { get; private set; } = null!;

    private protected byte* Target => _target.Pointer;

    private protected int TargetBytes => (int)_target.Length;

    [GlobalSetup]
    public void Setup()
    {
        Pages = MicroPages.Load(PageBytes);
        Policy = new CompressionPolicy(1, Goal, null);
        _target = new NativeBuffer(LZ4Codec.MaximumOutputSize(PageBytes));
        Prepare();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        Release();
        _target.Dispose();
        Pages.Dispose();
    }

    private protected virtual void Prepare()
    {
    }

    private protected virtual void Release()
    {
    }
}
