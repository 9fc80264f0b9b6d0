using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Paging.Codecs;

/// <summary>The zeroed native memory of one codec context: freed exactly once, by its owner or after the owner's end.</summary>
/// <remarks>The owner is held by a static of the thread that uses it. So while the memory is in use it is reachable, and it is finalized
/// only once that thread has ended.</remarks>
internal sealed unsafe class ContextMemory : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>What Zstd aligns its tables to: memory that starts there wastes nothing in front of them.</summary>
    private const int Alignment = 64;

    private static long s_outstanding;

    /// <exception cref="OutOfMemoryException">The system refuses.</exception>
    internal ContextMemory(nuint bytes)
        : base(ownsHandle: true)
    {
        Bytes = bytes;
        SetHandle((nint)NativeMemory.AlignedAlloc(bytes, Alignment));
        NativeMemory.Clear(Address, bytes);
        Interlocked.Add(ref s_outstanding, (long)bytes);

        // The collector sees a small object. Were it not told, memory of threads that come and go would pile up until it happens to run.
        GC.AddMemoryPressure((long)bytes);
    }

    internal byte* Address => (byte*)handle;

    internal nuint Bytes { get; }

    /// <summary>What the contexts of all threads of the process take.</summary>
    internal static long OutstandingBytes => Volatile.Read(ref s_outstanding);

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree(Address);
        Interlocked.Add(ref s_outstanding, -(long)Bytes);
        GC.RemoveMemoryPressure((long)Bytes);
        return true;
    }
}
