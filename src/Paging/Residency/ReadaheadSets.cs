using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>The pages that a thread of the background is about to bring in from files, in sets: the reads of a set are begun when it comes,
/// together, and end when the reader has passed it. One thread's.</summary>
/// <param name="array">Its streams.</param>
/// <param name="region">The array.</param>
/// <param name="loader">What loads its pages.</param>
/// <param name="pages">Room for <see cref="MaxPages"/>.</param>
internal ref struct ReadaheadSets(
    RegionReadahead array, PagedRegion region, PageLoader loader, Span<StreamPage> pages)
{
    /// <summary>Sets at once.</summary>
    private const int Sets = 4;

    /// <summary>Pages of a set, at most: so many that what lies side by side makes reads as long as they may be.</summary>
    internal const int MaxSetPages = 256;
    private const int MinSetPages = 4;

    /// <summary>The share of a stream's distance that is a set. All sets together then fit into the buffers for reads, or nearly so where
    /// nothing shrinks: these depend on the budget as the distance does.</summary>
    private const int SetShare = 8;

    /// <summary>Sets that are done, of which the reads stay until the reader has passed them: for pages that were left to it. So many sets
    /// at most; all sets together fit into the buffers for reads.</summary>
    private const int KeptSets = 3;

    /// <summary>Pages of all sets.</summary>
    internal const int MaxPages = Sets * MaxSetPages;

    private readonly Span<StreamPage> _pages = pages;
    private readonly int _setPages = array.SetPages;
    private Counts _counts;
    private Counts _reads;
    private int _first;
    private int _sets;
    private int _done;
    private KeptRing _kept;
    private int _firstKept;
    private int _keptCount;

    /// <summary>Pages of a set.</summary>
    /// <param name="distance">The most pages that a stream may be ahead of its reader.</param>
    internal static int SetOf(int distance) => Math.Clamp(distance / SetShare, MinSetPages, MaxSetPages);

    /// <summary>Where the pages of another set go; empty when there are enough.</summary>
    internal readonly Span<StreamPage> Room => _sets == Sets ? [] : SetAt(_sets);

    /// <summary>Adds a set.</summary>
    internal void Add(ReadOnlySpan<StreamPage> taken)
    {
        taken.CopyTo(Room);
        Add(taken.Length);
    }

    /// <summary>Adds the set whose pages are in <see cref="Room"/>, and begins to read them.</summary>
    internal void Add(int count)
    {
        foreach (ref readonly StreamPage page in Room[..count])
        {
            region.NoteRead(loader, page.Page);
        }

        int before = ReadPlan.Count;
        ReadPlan.Begin(loader);
        int at = (_first + _sets) % Sets;
        _counts[at] = count;
        _reads[at] = ReadPlan.Count - before;
        _sets++;
    }

    /// <summary>The next pages of the first set; none when there are no more.</summary>
    internal readonly ReadOnlySpan<StreamPage> Next(int max) =>
        _sets == 0 ? [] : SetAt(0).Slice(_done, Math.Min(max, _counts[_first] - _done));

    /// <summary>So many pages of the first set have been dealt with.</summary>
    /// <returns>Whether all have.</returns>
    internal bool EndNext(int count)
    {
        _done += count;
        return _done == _counts[_first];
    }

    /// <summary>How many pages there had been, of those left to the reader, at the end of the oldest set whose reads are kept, if these have
    /// to end now, to make room for those of the set that is done, before the reader has come there; 0 if it has.</summary>
    internal readonly long Overdue =>
        _keptCount == KeptSets && !array.IsPassed(_kept[_firstKept].Last) ? _kept[_firstKept].Left : 0;

    /// <summary>The first set is done: keeps its reads, and ends those of sets that the reader has passed, of one at least where too many are
    /// kept.</summary>
    internal void KeepFirst(ref LeftPages left)
    {
        while (_keptCount > 0 && (_keptCount == KeptSets || array.IsPassed(_kept[_firstKept].Last)))
        {
            ReadPlan.End(_kept[_firstKept].Reads);
            left.RemoveFirst(_kept[_firstKept].Left);
            _firstKept = (_firstKept + 1) % KeptSets;
            _keptCount--;
        }

        int at = (_firstKept + _keptCount++) % KeptSets;
        _kept[at] = new Kept(SetAt(0)[_counts[_first] - 1], _reads[_first], left.Total);
        _first = (_first + 1) % Sets;
        _sets--;
        _done = 0;
    }

    /// <summary>Pages left to the reader were brought in, from the last one on.</summary>
    /// <param name="total">How many there have been but for these.</param>
    internal void OnLeftTaken(long total)
    {
        for (int i = 0; i < KeptSets; i++)
        {
            _kept[i].Left = Math.Min(_kept[i].Left, total);
        }
    }

    private readonly Span<StreamPage> SetAt(int index) => _pages.Slice((_first + index) % Sets * _setPages, _setPages);

    [System.Runtime.CompilerServices.InlineArray(Sets)]
    private struct Counts
    {
        private int _first;
    }

    /// <summary>A set that is done, of which the reads stay.</summary>
    /// <param name="Last">Its last page.</param>
    /// <param name="Reads">How many reads it has.</param>
    /// <param name="Left">How many pages had been left to the reader when it was done.</param>
    private record struct Kept(StreamPage Last, int Reads, long Left);

    [System.Runtime.CompilerServices.InlineArray(KeptSets)]
    private struct KeptRing
    {
        private Kept _first;
    }
}
