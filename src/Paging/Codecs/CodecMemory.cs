using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.Diagnostics;

namespace Paging.Codecs;

/// <summary>The native memory of one codec context, or of one thread's scratch: freed exactly once, by its owner or after the owner's end.</summary>
/// <remarks>The owner is held by a static of the thread that uses it. So while the memory is in use it is reachable, and it is finalized
/// only once that thread has ended.</remarks>
internal sealed unsafe class CodecMemory : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>What Zstd aligns its tables to: memory that starts there wastes nothing in front of them.</summary>
    private const int Alignment = 64;

    private static long s_outstanding;

    private CodecMemory(byte* memory, nuint bytes)
        : base(ownsHandle: true)
    {
        Bytes = bytes;
        SetHandle((nint)memory);
        Interlocked.Add(ref s_outstanding, (long)bytes);

        // The collector sees a small object. Were it not told, memory of threads that come and go would pile up until it happens to run.
        GC.AddMemoryPressure((long)bytes);
    }

    internal byte* Address => (byte*)handle;

    internal nuint Bytes { get; }

    /// <summary>What the contexts and scratches of all threads of the process take.</summary>
    internal static long OutstandingBytes => Volatile.Read(ref s_outstanding);

    /// <param name="bytes">At least 1.</param>
    /// <param name="zeroed">Otherwise its contents mean nothing, and physical memory is taken only as it is used.</param>
    /// <returns>Null when the system refuses.</returns>
    internal static CodecMemory? TryTake(nuint bytes, bool zeroed)
    {
        byte* memory;
        try
        {
            memory = TestHook.RefusesMemory ? null : (byte*)NativeMemory.AlignedAlloc(bytes, Alignment);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }

        if (memory == null)
        {
            return null;
        }

        if (zeroed)
        {
            NativeMemory.Clear(memory, bytes);
        }

        return new CodecMemory(memory, bytes);
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree(Address);
        Interlocked.Add(ref s_outstanding, -(long)Bytes);
        GC.RemoveMemoryPressure((long)Bytes);
        return true;
    }
}
