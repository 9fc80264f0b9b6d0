using Paging.Swap;

namespace Paging.Tests.Protocol;

/// <summary>Damages stored pages, as a bad memory cell would.</summary>
internal static unsafe class Damage
{
    /// <summary>Flips a bit of the encoded bytes.</summary>
    internal static void FlipBodyBit(SwapStore store, uint descriptor, int bit) =>
        Entry(store, descriptor)[EntryHeader.Size + (bit >> 3)] ^= (byte)(1 << (bit & 7));

    /// <summary>Flips a bit of the header.</summary>
    internal static void FlipHeaderBit(SwapStore store, uint descriptor, int bit) =>
        Entry(store, descriptor)[bit >> 3] ^= (byte)(1 << (bit & 7));

    private static byte* Entry(SwapStore store, uint descriptor)
    {
        Location location = store.Descriptors.Locate(descriptor);
        Assert.Equal(Location.Kind.Segment, location.Where);
        return store.Segments[location.Segment]->Address + location.Offset;
    }
}
