using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Memory;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of tests.</summary>
internal sealed unsafe partial class FrameClass
{
    /// <summary>Whether the frames kept clean are to be had too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MayDirtyAny(bool force) => force | TestHook.Breaks(Mutation.DirtyLastFrames);
}
