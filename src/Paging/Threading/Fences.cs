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
}
