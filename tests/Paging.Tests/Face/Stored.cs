using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Pages of which it is known that they are in a file.</summary>
internal static class Stored
{
    /// <summary>Several times as much as the pool, with a file that a test can stop.</summary>
    public static Held InFile(int threads, out GatedDevice device)
    {
        var held = new Held(600, threads);
        device = new GatedDevice(new MemoryDevice(Held.FileBytes));
        held.AddDevice(device);
        held.Fill();
        held.AwaitWrites();
        return held;
    }

    /// <summary>The first of as many pages in a row that are in the file: those that were written first, but for what shrinks.</summary>
    public static int FirstInFile(Held held, int pages)
    {
        PagedRegion region = Internals.Pages(held.Array).Region;
        for (int first = 0, found = 0; first < held.Pages; first++)
        {
            found = IsInFile(held, region, first) ? found + 1 : 0;
            if (found == pages)
                return first + 1 - pages;
        }

        throw new InvalidOperationException("No such pages.");
    }

    /// <summary>Whether the only copy of a page is in the file.</summary>
    public static bool IsInFile(Held held, PagedRegion region, long page)
    {
        ulong word = region.Load(page);
        return PageWord.State(word) == PageState.Swapped && IsInFile(held, PageWord.Stored(word));
    }

    private static bool IsInFile(Held held, uint stored)
    {
        Location location = held.Store.Descriptors.Locate(stored);
        return location.Where == Location.Kind.Segment
            && Internals.State(held.Store.Segments, location.Segment) == SegmentState.OnFile;
    }
}
