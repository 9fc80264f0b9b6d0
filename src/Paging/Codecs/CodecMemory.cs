using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.TestSeam;

namespace Paging.Codecs;

/// <summary>The native memory of one codec context, or of one scratch: freed exactly once, by its owner.</summary>
internal sealed unsafe class CodecMemory : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>Zstd aligns its tables to this: memory that starts at a multiple of it wastes nothing in front of them.</summary>
    private const int Alignment = 64;

    private static long s_outstanding;

    private CodecMemory(byte* memory, nuint bytes)
        : base(ownsHandle: true)
    {
        Bytes = bytes;
        SetHandle((nint)memory);
        Interlocked.Add(ref s_outstanding, (long)bytes);
    }

    internal byte* Address => (byte*)handle;

    internal nuint Bytes { get; }

    /// <summary>What all contexts and scratch buffers of the process take.</summary>
    internal static long OutstandingBytes => Volatile.Read(ref s_outstanding);

    /// <summary>Takes memory from the system.</summary>
    /// <param name="bytes">At least 1.</param>
    /// <param name="zeroed">Whether it reads as zeroes. Otherwise its contents mean nothing, and physical memory is taken only as it is
    /// used.</param>
    /// <returns>Null when the system refuses.</returns>
    internal static CodecMemory? TryTake(nuint bytes, bool zeroed)
    {
        byte* memory = null;
        try
        {
            TestHook.MayFail(FailurePoint.CodecMemory);
            memory = TestHook.RefusesMemory ? null : (byte*)NativeMemory.AlignedAlloc(bytes, Alignment);
            if (memory == null)
            {
                return null;
            }

            if (zeroed)
            {
                NativeMemory.Clear(memory, bytes);
            }

            // The system may refuse memory for the object, too.
            TestHook.MayFail(FailurePoint.CodecMemory);
            var owner = new CodecMemory(memory, bytes);
            memory = null;
            return owner;
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree(Address);
        Interlocked.Add(ref s_outstanding, -(long)Bytes);
        return true;
    }
}
