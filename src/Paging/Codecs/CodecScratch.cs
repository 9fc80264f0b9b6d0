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

    private CodecScratch(byte* memory)
    {
        _memory = memory;
        Interlocked.Increment(ref s_outstanding);

        // The collector sees a small object. Were it not told, memory of threads that come and go would pile up until it happens to run.
        GC.AddMemoryPressure(Bytes);
    }

    ~CodecScratch()
    {
        // Its thread is gone, and nobody else ever had it.
        VirtualMemory.Release(_memory, Bytes);
        GC.RemoveMemoryPressure(Bytes);
        int left = Interlocked.Decrement(ref s_outstanding);
        Debug.Assert(left >= 0, "native memory is released exactly once");
    }

    /// <summary>Threads, alive or not yet finalized, that have one.</summary>
    internal static int Outstanding => Volatile.Read(ref s_outstanding);

    /// <summary>The calling thread's; null when the system has no memory for it, or has had none for <see cref="Reserve"/>.</summary>
    /// <remarks>Nothing is filtered then, while what has been filtered before can still be read.</remarks>
    internal static CodecScratch? OfThread => s_ofThread ?? (Reserve.Exists ? s_ofThread = TryCreate() : null);

    /// <summary>What a filter makes of a block: <see cref="BlockBytes"/>.</summary>
    internal byte* Filtered => _memory;

    /// <summary>For filters of several steps: <see cref="BlockBytes"/>.</summary>
    internal byte* Between => _memory + BlockBytes;

    /// <summary>Where an encoding is tried: <see cref="TrialLength"/>.</summary>
    internal byte* Trial => _memory + (2 * BlockBytes);

    internal static int TrialLength => TrialBytes;

    private static CodecScratch? TryCreate()
    {
        try
        {
            return new CodecScratch(VirtualMemory.Reserve(Bytes, (nuint)VirtualMemory.SystemPageBytes, accessible: true));
        }
        catch (InsufficientMemoryException)
        {
            return null;
        }
    }

    /// <summary>One that threads share for which the system has no memory left: what is stored must stay readable.</summary>
    internal static class Reserve
    {
        private static readonly CodecScratch? s_reserve = TryCreate();

        // 0 or 1. 0 → 1 by CAS, by whichever thread is about to decode; back by that thread alone.
        private static int s_taken;

        internal static bool Exists => s_reserve is not null;

        /// <summary>Waits for the one before, which decodes one page.</summary>
        internal static CodecScratch Take()
        {
            Diagnostics.Spinner spinner = default;
            while (Interlocked.CompareExchange(ref s_taken, 1, 0) != 0)
            {
                spinner.Once();
            }

            return s_reserve!;
        }

        internal static void GiveBack() => Volatile.Write(ref s_taken, 0);
    }
}
