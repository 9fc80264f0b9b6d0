namespace Paging;

/// <summary>The resident set is pinned, or the pool and the swap files are full; the message says which, with the figures. Nothing is
/// lost.</summary>
/// <remarks>Not an <see cref="IOException"/>, so that code that retries file errors does not swallow it.</remarks>
public sealed class OutOfPagingSpaceException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">Says what is full, with the figures.</param>
    public OutOfPagingSpaceException(string message)
        : this(message, null)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">Says what is full, with the figures.</param>
    /// <param name="inner">Why there is no more room, if something failed: memory that the system refused, or a write to a swap
    /// file.</param>
    public OutOfPagingSpaceException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>The pager's counters when it ran out of room.</summary>
    public PagerStatistics Statistics { get; init; }
}

/// <summary>A stored page failed its checksum or could not be read, or the file could not that its array is mapped from. The message names
/// the array and the page, the file and the offset.</summary>
public sealed class PageCorruptedException : IOException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">Says which page.</param>
    /// <param name="inner">The error below that caused this one, if any.</param>
    public PageCorruptedException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>The name of the array, if it has one and the page is an array's.</summary>
    public string? ArrayName { get; init; }

    /// <summary>The page's number in its array.</summary>
    public long PageIndex { get; init; }
}
