using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Memory;

/// <summary>The rules that control tests break on purpose. Each member does what its name says, and nothing else without the seam of
/// tests.</summary>
internal sealed unsafe partial class FrameClass
{
    /// <summary>Whether the frames kept clean are to be had too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MayDirtyAny(bool force) => force | TestHook.Breaks(Mutation.DirtyLastFrames);
}
