namespace Paging;

/// <summary>The transform of a page ahead of the codec. Each is undone exactly; none changes what an array holds.</summary>
public enum PageFilter
{
    /// <summary>The bytes as they are: text, code, anything that repeats.</summary>
    None,

    /// <summary>The elements' first bytes together, then their second bytes, and so on.</summary>
    Shuffle,

    /// <summary>The elements' bits in the same way: the high bits of numbers that use few of them become runs of zeroes.</summary>
    BitShuffle,

    /// <summary>Each element as the difference to the one before it, shuffled: for what grows or changes slowly.</summary>
    Delta,
}
