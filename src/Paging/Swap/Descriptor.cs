using System.Runtime.InteropServices;

namespace Paging.Swap;

/// <summary>The swap descriptor: leads from an id to the place where its page is now. 32 bytes.</summary>
/// <remarks>Only <see cref="DescriptorTable"/> touches it.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct Descriptor
{
    internal const int Bytes = 32;

    /// <summary>See <see cref="Paging.Swap.Location"/>: the only word of a page's place that changes while the page is stored. On the free
    /// list, the next free index.</summary>
    internal ulong Location;

    /// <summary>Tag (32) | public (1) | loaded (1) | references (30). The tag grows when the last reference goes. Only the thread that took
    /// the descriptor off the free list raises the count from 0. Loaded is a hint for the recompressor, which any thread sets.</summary>
    internal ulong Life;

    /// <summary>Written before the location is published. Of a page in a segment: its length (low half) and its encoded length (high half).
    /// Of a pattern: the pattern's first half. Constant from then on: a mover changes the location only, and the location also tells a
    /// length that recompression has changed.</summary>
    internal ulong Detail0;

    /// <summary>Of a page in a segment: the codec that it was stored with, and above it whether it is redundant. Of a pattern: its second
    /// half.</summary>
    internal ulong Detail1;
}
