using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>What is known of the order in which an array is read: by advice, and by its streams, once it has had a few faults.</summary>
/// <remarks>A field of <see cref="PagedRegion"/>; never copied. Faults only read it, but for the count, in which racing threads may lose
/// one, and the page of the last one, which may be another thread's.</remarks>
internal struct RegionAdvice
{
    /// <summary>Faults before streams are looked for: arrays that never have so many pay nothing.</summary>
    private const int FirstFaults = 4;

    /// <summary>Pages of an array for which streams are looked for, at least.</summary>
    private const long MinPages = 8;

    private const int Normal = 0;
    private const int Off = 1;
    private const int On = 2;

    private RegionReadahead? _streams;
    private int _mode;
    private int _faults;

    /// <summary>One past the page of the last fault.</summary>
    private long _next;

    /// <summary>A page has to be brought in for an access, or is on its way and waited for.</summary>
    /// <returns>Whether it is one of a stream, as far as is known without waiting for another thread: where streams are not looked for, if
    /// it follows the one before.</returns>
    internal bool OnFault(PagedRegion region, Readahead readahead, long page)
    {
        bool follows = page == Volatile.Read(ref _next);
        Volatile.Write(ref _next, page + 1);
        int mode = Shared.Read(SharedWord.Stream, ref _mode);
        if (mode == Off || (mode == Normal && !readahead.IsByDefault))
        {
            return follows;
        }

        RegionReadahead? streams = Shared.Read(SharedWord.Stream, ref _streams);
        if (streams is not null)
        {
            return streams.OnFault(page);
        }

        if (++_faults >= FirstFaults)
        {
            try
            {
                if (region.PageCount >= MinPages)
                {
                    return Streams(region, readahead).OnFault(page);
                }
            }
            catch (OutOfMemoryException)
            {
                // The fault needs none of it. Later ones try again.
            }

            _faults = 0;
        }

        return follows;
    }

    /// <summary>A page came from a file.</summary>
    internal void NoteFile() => Shared.Read(SharedWord.Stream, ref _streams)?.NoteFile();

    /// <summary>Advice about a pattern. Of threads that give it at the same time, one is the last.</summary>
    internal void Set(PagedRegion region, Readahead readahead, PageAdvice pattern, long first, long end)
    {
        bool isKnown = pattern is PageAdvice.Sequential or PageAdvice.Loop;
        RegionReadahead? streams = isKnown ? Streams(region, readahead) : Shared.Read(SharedWord.Stream, ref _streams);
        streams?.SetPattern(pattern, first, end);
        Shared.Write(SharedWord.Stream, ref _mode, isKnown ? On : pattern == PageAdvice.Random ? Off : Normal);
    }

    private RegionReadahead Streams(PagedRegion region, Readahead readahead)
    {
        if (Shared.Read(SharedWord.Stream, ref _streams) is { } streams)
        {
            return streams;
        }

        // Null → the streams, once: races with other faults and advice.
        TestHook.MayFail(FailurePoint.Allocation);
        var made = new RegionReadahead(region, readahead);
        return Shared.CompareExchange(SharedWord.Stream, ref _streams, made, null) ?? made;
    }
}
