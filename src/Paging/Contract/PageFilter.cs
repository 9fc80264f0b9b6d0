namespace Paging;

/// <summary>The transform of a page before the codec. Each is undone exactly; none changes the contents of an array.</summary>
public enum PageFilter
{
    /// <summary>The bytes as they are: for text, code, and anything that repeats.</summary>
    None,

    /// <summary>The elements' first bytes together, then their second bytes, and so on.</summary>
    Shuffle,

    /// <summary>The elements' bits in the same way. The high bits of numbers that use few of them become runs of zeroes.</summary>
    BitShuffle,

    /// <summary>Each element as its difference from the one before it, shuffled: for values that grow or change slowly.</summary>
    Delta,
}
