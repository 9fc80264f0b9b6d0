namespace Paging.Residency;

/// <summary>The state of a page, in its word.</summary>
/// <remarks>Resident is the only odd state, so that a single bit tells it.</remarks>
internal enum PageState
{
    /// <summary>Reads as zeroes, or as what backs the array, and owns nothing. A table of zeroes is a table of untouched pages.</summary>
    Untouched = 0,
    Resident = 1,
    Swapped = 2,
    Filling = 4,
    Evicting = 6,
    /// <summary>The array is disposed; the last state of a page.</summary>
    Dead = 8,
    /// <summary>Of a word in a table: the page's word is in a node still, from when few pages around it were touched. This word names the
    /// node.</summary>
    Elsewhere = 10,
    /// <summary>Of a word in a node: it is no page's. A thread that came for a page looks again where that is.</summary>
    Gone = 12,
}
