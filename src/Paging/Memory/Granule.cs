using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>What is being done with a granule.</summary>
internal enum GranuleState : byte
{
    /// <summary>It has no memory.</summary>
    Absent,

    Live,

    /// <summary>Its free frames are set aside, so that its memory can be given back.</summary>
    Draining,
}

/// <summary>Frames of a class that get memory together. 16 bytes, in native memory.</summary>
/// <remarks>Changed by <see cref="FrameGranules"/>, under <see cref="FramePool.Gate"/>. <see cref="State"/> and <see cref="Granted"/> are
/// also read without it: what follows from them is looked at again under the gate, or costs a look.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct Granule
{
    /// <summary>A <see cref="GranuleState"/>; a byte, since <see cref="Volatile"/> takes no enum.</summary>
    internal byte State;

    /// <summary>Frames that have been given memory, from the first one on.</summary>
    internal int Granted;

    /// <summary>Of these, the ones that have given it back.</summary>
    internal int Holes;

    /// <summary>Of those with memory, the ones that are kept free until the granule has been drained.</summary>
    internal int SetAside;

    /// <summary>Frames that have memory now.</summary>
    internal readonly int Present => Granted - Holes;
}
