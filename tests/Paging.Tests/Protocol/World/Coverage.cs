#if DEBUG
using Paging.Residency;
using Paging.Swap;

namespace Paging.Tests.Protocol;

/// <summary>Every transition that the two state words may make, and how often each was made.</summary>
internal static class Coverage
{
    internal static readonly (PageState From, PageState To)[] LegalPages =
    [
        // A fault, and its end: with the page, or as it was when loading failed or the array was disposed meanwhile.
        (PageState.Untouched, PageState.Filling),
        (PageState.Swapped, PageState.Filling),
        (PageState.Filling, PageState.Resident),
        (PageState.Filling, PageState.Swapped),
        (PageState.Filling, PageState.Untouched),

        // Eviction of a clean page: one step, to its copy or, if it was never written, to zeroes.
        (PageState.Resident, PageState.Swapped),

        // Eviction of a dirty one, a discard, a refused store.
        (PageState.Resident, PageState.Evicting),
        (PageState.Evicting, PageState.Swapped),
        (PageState.Evicting, PageState.Untouched),
        (PageState.Evicting, PageState.Resident),

        // Discard of a stored page, and the sweep of Dispose.
        (PageState.Swapped, PageState.Untouched),
        (PageState.Untouched, PageState.Dead),
        (PageState.Swapped, PageState.Dead),
        (PageState.Evicting, PageState.Dead),

        // Words in nodes: taken for a page, and left by it for its table, by a discard, by a fault that failed, and by the sweep of Dispose.
        (PageState.Gone, PageState.Untouched),
        (PageState.Untouched, PageState.Gone),
        (PageState.Swapped, PageState.Gone),
        (PageState.Evicting, PageState.Gone),

        // A clone's, put into a table of its own as what is stored of another's.
        (PageState.Untouched, PageState.Swapped),

        // Words in tables whose page is in a node still.
        (PageState.Untouched, PageState.Elsewhere),
        (PageState.Elsewhere, PageState.Untouched),
        (PageState.Elsewhere, PageState.Swapped),
        (PageState.Elsewhere, PageState.Resident),
        (PageState.Elsewhere, PageState.Dead),
    ];

    internal static readonly (GranuleForm From, GranuleForm To)[] LegalGranules =
    [
        // The lock given back, with or without a change.
        (GranuleForm.Nothing, GranuleForm.Nothing),
        (GranuleForm.Sparse, GranuleForm.Sparse),
        (GranuleForm.Linear, GranuleForm.Linear),

        // The first node, one too many, and the way back. From nothing to linear for a clone, and where no node is to be had.
        (GranuleForm.Nothing, GranuleForm.Sparse),
        (GranuleForm.Sparse, GranuleForm.Nothing),
        (GranuleForm.Sparse, GranuleForm.Linear),
        (GranuleForm.Nothing, GranuleForm.Linear),
        (GranuleForm.Linear, GranuleForm.Nothing),
    ];

    internal static readonly (SegmentState From, SegmentState To)[] LegalSegments =
    [
        (SegmentState.Free, SegmentState.Open),
        (SegmentState.Open, SegmentState.Sealed),
        (SegmentState.Sealed, SegmentState.Cleaning),
        (SegmentState.Cleaning, SegmentState.Sealed),
        (SegmentState.Sealed, SegmentState.Free),
        (SegmentState.Sealed, SegmentState.Draining),
        (SegmentState.Cleaning, SegmentState.Free),
        (SegmentState.Cleaning, SegmentState.Draining),
        (SegmentState.Draining, SegmentState.Free),

        // Writing out: the memory goes when the last reader has left it. Emptied in the file, or moved back from there.
        (SegmentState.Sealed, SegmentState.Demoting),
        (SegmentState.Demoting, SegmentState.OnFile),
        (SegmentState.OnFile, SegmentState.FileCleaning),
        (SegmentState.FileCleaning, SegmentState.OnFile),
        (SegmentState.OnFile, SegmentState.Free),
        (SegmentState.OnFile, SegmentState.Draining),
        (SegmentState.FileCleaning, SegmentState.Free),
        (SegmentState.FileCleaning, SegmentState.Draining),
    ];

    /// <summary>Counts of all transitions so far, by name.</summary>
    internal static Dictionary<string, long> Counts()
    {
        var counts = new Dictionary<string, long>();
        foreach (PageState from in Enum.GetValues<PageState>())
        {
            foreach (PageState to in Enum.GetValues<PageState>())
            {
                counts.Add(Name(from, to), PageWord.Seen[(int)from, (int)to]);
            }
        }

        foreach (GranuleForm from in Enum.GetValues<GranuleForm>())
        {
            foreach (GranuleForm to in Enum.GetValues<GranuleForm>())
            {
                counts.Add(Name(from, to), GranuleWord.Seen[(int)from, (int)to]);
            }
        }

        foreach (SegmentState from in Enum.GetValues<SegmentState>())
        {
            foreach (SegmentState to in Enum.GetValues<SegmentState>())
            {
                counts.Add(Name(from, to), SegmentWord.Seen[(int)from, (int)to]);
            }
        }

        return counts;
    }

    /// <summary>What was counted since an earlier look.</summary>
    internal static Dictionary<string, long> Since(Dictionary<string, long> before) =>
        Counts().ToDictionary(static pair => pair.Key, pair => pair.Value - before[pair.Key]);

    internal static IReadOnlySet<string> Legal { get; } =
        LegalPages.Select(static pair => Name(pair.From, pair.To))
            .Concat(LegalGranules.Select(static pair => Name(pair.From, pair.To)))
            .Concat(LegalSegments.Select(static pair => Name(pair.From, pair.To)))
            .ToHashSet();

    internal static void AssertNoneIllegal(Dictionary<string, long> counts) =>
        Assert.DoesNotContain(counts, static pair => pair.Value != 0 && !Legal.Contains(pair.Key));

    private static string Name(PageState from, PageState to) => $"page {from} → {to}";

    private static string Name(GranuleForm from, GranuleForm to) => $"granule {from} → {to}";

    private static string Name(SegmentState from, SegmentState to) => $"segment {from} → {to}";
}
#endif
