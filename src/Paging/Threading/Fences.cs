using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Paging.Threading;

internal static class Fences
{
    /// <summary>A full fence after an interlocked operation of the same thread.</summary>
    /// <remarks>On x64 every interlocked operation already is one. On Arm64 an atomic instruction with acquire and
    /// release semantics does not keep later plain accesses behind its store.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void AfterInterlocked()
    {
        if (!X86Base.IsSupported)
        {
            Interlocked.MemoryBarrier();
        }
    }

    /// <summary>A full fence between a store of this thread and its loads that follow, for other threads too that do an interlocked operation
    /// and then load, without a fence in between: either they see the store, or this thread sees what they did.</summary>
    /// <remarks>On x64 their operation is their fence, and this thread needs its own only. Elsewhere every thread has to pass one, which is
    /// a system call that interrupts all processors with threads of the process, one caller after the other.</remarks>
    internal static void AgainstInterlocked()
    {
        if (X86Base.IsSupported)
        {
            Interlocked.MemoryBarrier();
        }
        else
        {
            Interlocked.MemoryBarrierProcessWide();
        }
    }
}
