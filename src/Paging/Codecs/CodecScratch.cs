using System.Diagnostics;

namespace Paging.Codecs;

/// <summary>Buffers between a filter and a codec, in native memory. For one thread at a time, which may enter again what it has entered.</summary>
/// <remarks>Physical memory is taken as far as pages are long: three buffers of one page for most. Whoever has one may take a context of a codec
/// besides, never the other way round.</remarks>
internal sealed unsafe class CodecScratch : IDisposable
{
    /// <summary>The longest piece that is filtered at once.</summary>
    internal const int BlockBytes = 64 << 10;

    // What LZ4 may write for a block of noise, and a little more.
    private const int TrialBytes = BlockBytes + (BlockBytes >> 4);

    [ThreadStatic]
    private static Held s_held;

    private const int Bytes = (2 * BlockBytes) + TrialBytes;

    private readonly CodecMemory _memory;

    private CodecScratch(CodecMemory memory) => _memory = memory;

    internal static Reserve<CodecScratch> Reserve { get; } = new(TryCreate());

    /// <summary>What a filter makes of a block: <see cref="BlockBytes"/>.</summary>
    internal byte* Filtered => _memory.Address;

    /// <summary>For filters of several steps: <see cref="BlockBytes"/>.</summary>
    internal byte* Between => _memory.Address + BlockBytes;

    /// <summary>Where an encoding is tried: <see cref="TrialLength"/>.</summary>
    internal byte* Trial => _memory.Address + (2 * BlockBytes);

    internal static int TrialLength => TrialBytes;

    /// <summary>The calling thread's, from here to <see cref="Exit"/>.</summary>
    /// <returns>Null when the system has no memory for it, or has had none for <see cref="Reserve"/>: nothing is owed then. Nothing is filtered,
    /// while what has been filtered before can still be read.</returns>
    internal static CodecScratch? Enter()
    {
        ref Held held = ref s_held;
        if (held.Depth == 0)
        {
            held.Scratch = Reserve.Exists ? CodecContexts.Scratch.Take(ref held.Hint) : null;
            if (held.Scratch is null)
            {
                return null;
            }
        }

        held.Depth++;
        return held.Scratch;
    }

    internal static void Exit()
    {
        ref Held held = ref s_held;
        Debug.Assert(held.Depth > 0, "entered before");
        if (--held.Depth == 0)
        {
            held.Scratch = null;
            CodecContexts.Scratch.GiveBack(held.Hint);
        }
    }

    internal static CodecScratch? TryCreate()
    {
        CodecMemory? memory = CodecMemory.TryTake(Bytes, zeroed: false);
        return memory is null ? null : new CodecScratch(memory);
    }

    public void Dispose() => _memory.Dispose();

    private struct Held
    {
        internal CodecScratch? Scratch;
        internal int Depth;
        internal int Hint;
    }
}
