namespace Paging;

/// <summary>What a program says about pages that it is going to use, or not. It changes when pages move, never what they hold.</summary>
/// <remarks><see cref="Normal"/>, <see cref="Sequential"/>, <see cref="Random"/> and <see cref="Loop"/> say how a whole array is read: the
/// last one given holds for all of it, until another is given. The others are about the pages of a range at the moment of the
/// call.</remarks>
public enum PageAdvice
{
    /// <summary>As without advice: where background threads are there to do it, pages are read ahead once accesses are seen to go on in
    /// equal steps.</summary>
    Normal,

    /// <summary>Read from one end to the other: reading ahead begins with the first fault, and with more pages. Also where the pager has no
    /// background threads; the .NET thread pool's do it then.</summary>
    Sequential,

    /// <summary>Read in no order: nothing is read ahead.</summary>
    Random,

    /// <summary>The range is read over and over from end to end, as training epochs do: as <see cref="Sequential"/>, and at the end of the
    /// range reading ahead goes on with its beginning.</summary>
    Loop,

    /// <summary>Needed soon: the pages are brought into frames in the background, as many as <c>PrefetchAsync</c> brings in, and nobody
    /// waits for it.</summary>
    WillNeed,

    /// <summary>Not needed soon: those of the pages that are in frames are the next to be evicted, unless they are used before.</summary>
    Cold,

    /// <summary>Not needed for long: those of the pages that are in frames are evicted at once. Pages with leases out stay, and so do pages
    /// that cannot be stored.</summary>
    PageOut,
}
