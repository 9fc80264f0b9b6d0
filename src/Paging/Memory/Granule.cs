using System.Runtime.InteropServices;

namespace Paging.Memory;

/// <summary>What is done with a granule.</summary>
internal enum GranuleState : byte
{
    Absent,
    Live,
    /// <summary>Its free frames are set aside, so that its memory can be given back.</summary>
    Draining,
}

/// <summary>Frames of a class that get memory together. 16 bytes, in native memory.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Granule
{
    internal byte State;

    /// <summary>Frames that have been given memory, from the first one on.</summary>
    internal int Granted;

    /// <summary>Of these, the ones that have given it back.</summary>
    internal int Holes;

    internal int SetAside;

    internal readonly int Present => Granted - Holes;
}
