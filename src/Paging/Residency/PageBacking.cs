using Paging.Swap;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>What the untouched pages of an array hold, where that is not zeroes. A fault of such a page asks the backing; the page is clean
/// then, and has no stored copy. What a program writes goes the way of all dirty pages, and never here.</summary>
/// <remarks>Thread-safe. A page is asked for under a claim, by a thread that holds nothing else others need: so it may wait for a device. A
/// backing that can be had without waiting, or one in chunks of several pages, fits here as well.</remarks>
internal abstract unsafe class PageBacking
{
    private readonly RefCounted _source;
    private readonly BounceBuffers _longBuffers;
    private int _released;

    /// <param name="source">The file or files, of which this becomes a user in place of the caller.</param>
    /// <param name="geometry">How items lie in pages.</param>
    /// <param name="domain">The pager's, which has a log for pages of this size.</param>
    protected PageBacking(RefCounted source, in Geometry geometry, PagingDomain domain)
    {
        _source = source;
        _longBuffers = domain.Swap.SourceBuffers;
        Buffers = domain.Swap.LogFor(geometry.PageBytes)!.EntryBuffers;
        Reads = domain.Swap.SourceReads;
        Counters = domain.Counters;
    }

    /// <summary>Those of entries that are read from swap files: each has room for a page and the blocks that it begins and ends in.</summary>
    protected BounceBuffers Buffers { get; }

    /// <summary>What is being read ahead.</summary>
    protected FileReads Reads { get; }

    protected Counters Counters { get; }

    /// <summary>Fills a frame.</summary>
    /// <param name="page">The page's number in the array.</param>
    /// <param name="frame">Receives the page. If this fails, its contents mean nothing.</param>
    /// <param name="bytes">The bytes of the page that items lie in.</param>
    internal abstract LoadResult Load(long page, byte* frame, int bytes);

    /// <summary>Says where a page is in a file, so that it is read together with its neighbours before it is asked for: see
    /// <see cref="ReadPlan"/>. <see cref="Load"/> finds what was read, whoever has begun it.</summary>
    /// <param name="page">The page's number in the array.</param>
    /// <param name="bytes">The bytes of it that items lie in.</param>
    /// <param name="piece">What is to be read. The caller is a user of the file then, once more.</param>
    /// <returns>False when it is in none, or that is not known without waiting, or the file cannot be read by a device alone.</returns>
    internal abstract bool TryLocate(long page, int bytes, out SourcePiece piece);

    /// <summary>A backing with the same contents for a clone of the array, which releases it independently of this one.</summary>
    /// <returns>Null when the array that this belongs to has let go of it.</returns>
    internal PageBacking? TryShare()
    {
        if (!_source.TryAddUser())
        {
            return null;
        }

        try
        {
            TestHook.MayFail(FailurePoint.Allocation);
            var shared = (PageBacking)MemberwiseClone();
            shared._released = 0;
            return shared;
        }
        catch
        {
            _source.RemoveUser();
            throw;
        }
    }

    /// <summary>The array is closed: lets go of what this holds. No page is asked for any more. May be called again.</summary>
    internal virtual void Release()
    {
        // 0 → 1, once: by the thread that closes the array, the pager, or the array's finalizer.
        if (Shared.Exchange(SharedWord.Counter, ref _released, 1) == 0)
        {
            _source.RemoveUser();
        }
    }

    protected SourcePiece Piece(SharedSource file, long offset, int bytes) => new(file, offset, bytes, Buffers, _longBuffers);

    protected static LoadResult Loaded(bool isFromFile) => new(LoadStatus.Loaded) { IsFromFile = isFromFile, IsFromBacking = true };

    /// <summary>Counts that bytes of a file could not be read.</summary>
    /// <param name="file">The file.</param>
    /// <param name="offset">Where they begin.</param>
    /// <param name="bytes">How many were wanted.</param>
    /// <param name="error">What the system says.</param>
    protected LoadResult Failed(SourceFile file, long offset, int bytes, int error)
    {
        Counters.Add(Counter.IoErrors);
        long now = file.BytesNow;
        bool hasEnded = now >= 0 && now < offset + bytes;
        return new LoadResult(hasEnded ? LoadStatus.SourceEnded : LoadStatus.SourceFailed)
        {
            Failure = new LoadFailure(file.Path, offset) { Error = error, FileBytes = now },
        };
    }
}
