using System.Diagnostics;
using Paging.Interop;

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

    private static int s_outstanding;

    private readonly byte* _memory;

    private CodecScratch()
    {
        _memory = VirtualMemory.Reserve(Bytes, (nuint)VirtualMemory.SystemPageBytes, accessible: true);
        Interlocked.Increment(ref s_outstanding);
    }

    ~CodecScratch()
    {
        // Its thread is gone, and nobody else ever had it. Null when the system refused.
        if (_memory != null)
        {
            VirtualMemory.Release(_memory, Bytes);
            int left = Interlocked.Decrement(ref s_outstanding);
            Debug.Assert(left >= 0, "native memory is released exactly once");
        }
    }

    /// <summary>Threads, alive or not yet finalized, that have one.</summary>
    internal static int Outstanding => Volatile.Read(ref s_outstanding);

    internal static CodecScratch OfThread => s_ofThread ??= new CodecScratch();

    /// <summary>What a filter makes of a block: <see cref="BlockBytes"/>.</summary>
    internal byte* Filtered => _memory;

    /// <summary>For filters of several steps: <see cref="BlockBytes"/>.</summary>
    internal byte* Between => _memory + BlockBytes;

    /// <summary>Where an encoding is tried: <see cref="TrialLength"/>.</summary>
    internal byte* Trial => _memory + (2 * BlockBytes);

    internal static int TrialLength => TrialBytes;
}
