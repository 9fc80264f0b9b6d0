namespace Paging.Codecs;

/// <summary>A thread's buffers between a filter and a codec, in native memory: taken at the first use, given back when the thread has ended.</summary>
/// <remarks>Used by its own thread only. Physical memory is taken as far as pages are long: three buffers of one page for most.</remarks>
internal sealed unsafe class CodecScratch
{
    /// <summary>The longest piece that is filtered at once.</summary>
    internal const int BlockBytes = 64 << 10;

    // What LZ4 may write for a block of noise, and a little more.
    private const int TrialBytes = BlockBytes + (BlockBytes >> 4);

    [ThreadStatic]
    private static CodecScratch? s_ofThread;

    private const int Bytes = (2 * BlockBytes) + TrialBytes;

    private readonly CodecMemory _memory;

    private CodecScratch(CodecMemory memory) => _memory = memory;

    internal static Reserve<CodecScratch> Reserve { get; } = new(TryCreate());

    /// <summary>The calling thread's; null when the system has no memory for it, or has had none for <see cref="Reserve"/>.</summary>
    /// <remarks>Nothing is filtered then, while what has been filtered before can still be read.</remarks>
    internal static CodecScratch? OfThread => s_ofThread ?? (Reserve.Exists ? s_ofThread = TryCreate() : null);

    /// <summary>What a filter makes of a block: <see cref="BlockBytes"/>.</summary>
    internal byte* Filtered => _memory.Address;

    /// <summary>For filters of several steps: <see cref="BlockBytes"/>.</summary>
    internal byte* Between => _memory.Address + BlockBytes;

    /// <summary>Where an encoding is tried: <see cref="TrialLength"/>.</summary>
    internal byte* Trial => _memory.Address + (2 * BlockBytes);

    internal static int TrialLength => TrialBytes;

    private static CodecScratch? TryCreate()
    {
        CodecMemory? memory = CodecMemory.TryTake(Bytes, zeroed: false);
        return memory is null ? null : new CodecScratch(memory);
    }
}
