using System.Diagnostics;

namespace Paging.Codecs;

/// <summary>Buffers between a filter and a codec, in native memory. For one thread at a time, which may enter again what it has already
/// entered.</summary>
/// <remarks>How much physical memory they take depends on the length of the pages: for most pages it is three buffers of one page. A thread
/// that has entered may take a codec's context as well. A thread that has a context may not enter.</remarks>
internal sealed unsafe class CodecScratch : IDisposable
{
    /// <summary>The longest piece that is filtered at once.</summary>
    internal const int BlockBytes = 64 << 10;

    // What LZ4 may write for a block of noise, and a little to spare.
    private const int TrialBytes = BlockBytes + (BlockBytes >> 4);

    [ThreadStatic]
    private static Held s_held;

    private const int Bytes = (2 * BlockBytes) + TrialBytes;

    private readonly CodecMemory _memory;

    private CodecScratch(CodecMemory memory) => _memory = memory;

    /// <summary>One for threads that the system has no memory for.</summary>
    internal static CodecReserve<CodecScratch> Reserve { get; } = new(TryCreate());

    /// <summary>What a filter makes of a block: <see cref="BlockBytes"/>.</summary>
    internal byte* Filtered => _memory.Address;

    /// <summary>Where filters of several steps keep what is between them: <see cref="BlockBytes"/>.</summary>
    internal byte* Between => _memory.Address + BlockBytes;

    /// <summary>Where an encoding is tried: <see cref="TrialLength"/>.</summary>
    internal byte* Trial => _memory.Address + (2 * BlockBytes);

    /// <summary>The length of <see cref="Trial"/>.</summary>
    internal static int TrialLength => TrialBytes;

    /// <summary>Takes a scratch for the calling thread, until <see cref="Exit"/>.</summary>
    /// <returns>Null when the system has no memory for it, or had none for <see cref="Reserve"/>. The caller then must not exit, and
    /// filters nothing; pages that were filtered before can still be read.</returns>
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

    /// <summary>Ends the latest <see cref="Enter"/> of the calling thread.</summary>
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

    /// <returns>Null when the system has no memory for it.</returns>
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
