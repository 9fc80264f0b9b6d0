#if DEBUG
using Paging.Codecs;
using Paging.Memory;
using Paging.Residency;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Protocol;

/// <summary>A pager as small as it may be, its arrays with what they must hold, and what the threads of a scenario do with them.</summary>
internal sealed class World
{
    internal const int PageBytes = FramePool.MinPageBytes;

    /// <summary>Sixteen segments of one page that does not shrink; five of them are held back.</summary>
    internal static readonly long SmallestPool = LogGeometry.MinPoolBytes(PageBytes);

    internal const int SmallestFrames = FramePool.MinFrames;

    private readonly List<Book> _books = [];

    internal World(Run run, int frames = SmallestFrames, long? poolBytes = null, bool watched = false, IMemorySource? memory = null)
    {
        Run = run;
        var options = new PagerOptions
        {
            PageBytes = PageBytes,
            ResidentBytes = (long)frames * PageBytes,
            PoolBytes = poolBytes ?? SmallestPool,
            BackgroundThreads = 0,
            FollowMemoryPressure = memory is not null,
        };
        Pager = new Pager(options, new PagerTuning { Time = Clock, MinWatchedFrames = watched ? 1 : int.MaxValue, Memory = memory });
        Domain = Internals.Domain(Pager);
        run.Hold(Domain);
    }

    internal Run Run { get; }

    /// <summary>Stands still unless it is turned.</summary>
    internal ManualClock Clock { get; } = new();

    internal Pager Pager { get; }

    internal PagingDomain Domain { get; }

    internal SwapSpace Swap => Pager.Swap;

    internal SwapStore Store => Domain.Swap;

    internal IReadOnlyList<Book> Books => _books;

    /// <summary>References to stored pages that the scenario holds itself, by id.</summary>
    internal Dictionary<SwapId, StoredPage> Stored { get; } = [];

    internal SegmentLog Log => Store.Segments.Logs[0]!;

    /// <summary>The swap file, when there is one.</summary>
    internal SwapFile? File { get; private set; }

    /// <summary>Adds a swap file in memory.</summary>
    internal MemoryDevice AddFile(long bytes, bool delays)
    {
        var device = new MemoryDevice(bytes, Run.Seed) { DelaysCompletion = delays };
        AddFile(device);
        return device;
    }

    internal void AddFile(SwapDevice device) => File = Internals.AddDevice(Domain, device);

    /// <summary>Removes the swap file. If that does not come to its end, the file is as it was.</summary>
    internal void RemoveFile()
    {
        Assert.True(File!.Area.TryBeginRemoval(out AreaState before));
        Domain.SwapFiles.Remove(File.Area, File.Path, before, CancellationToken.None);
    }

    /// <summary>Returns when nothing is being written any more.</summary>
    internal void AwaitWrites()
    {
        while (Store.Writeback.InFlight != 0)
        {
            Thread.Yield();
        }
    }

    /// <summary>Starts to write the coldest segment, whether or not the pool needs that.</summary>
    internal WritebackStart WriteOne() => Store.Writeback.TryStart(Log);

    internal void WriteOneUnlessDisposed()
    {
        using DomainScope held = Domain.Enter();
        WriteOne();
    }

    /// <summary>Writes all sealed segments to a device that does not delay.</summary>
    /// <returns>One that is in the file.</returns>
    internal unsafe int WriteAll()
    {
        while (WriteOne() == WritebackStart.Started)
        {
        }

        for (int i = 0; i < Store.Segments.End; i++)
        {
            if (Internals.State(Store.Segments, i) == SegmentState.OnFile)
            {
                return i;
            }
        }

        throw new InvalidOperationException("nothing was written");
    }

    internal Book Allocate(int pages, int pageBytes = PageBytes, PageFilter? filter = null)
    {
        var book = new Book(this, pages, pageBytes, filter);
        _books.Add(book);
        Run.Hold(book);
        return book;
    }

    /// <summary>A clone of a book, with what it may hold.</summary>
    internal Book Clone(Book book)
    {
        Book clone = book.Clone();
        _books.Add(clone);
        Run.Hold(clone);
        return clone;
    }

    /// <summary>An array over a file in memory, in which it begins at an odd place.</summary>
    /// <param name="salts">What its pages hold.</param>
    /// <param name="source">The file.</param>
    internal Book Map(ReadOnlySpan<long> salts, out MemorySource source)
    {
        const int Offset = 4097;
        var bytes = new List<byte>(new byte[Offset]);
        foreach (long salt in salts)
        {
            bytes.AddRange(StoredPage.Bytes(salt, PageBytes));
        }

        source = new MemorySource([.. bytes], seed: Run.Seed);
        PagedArray<long> array = Internals.Map<long>(
            Pager, source, Offset, salts.Length * (PageBytes / sizeof(long)), new PagedArrayOptions { Name = "mapped" });
        Book book = Book.Map(this, array, salts);
        _books.Add(book);
        Run.Hold(book);
        return book;
    }

    /// <summary>An array over a dataset in memory.</summary>
    internal Book Open(MemoryDataset dataset)
    {
        PagedArray<long> array = Pager.OpenOver<long>(dataset, dataset.Layout, new PagedArrayOptions { Name = "dataset", PageBytes = PageBytes }, "dataset");
        Book book = Book.Map(this, array, dataset.Salts);
        _books.Add(book);
        Run.Hold(book);
        return book;
    }

    /// <summary>Takes the page out of one frame, as the clock would if no bit spared it.</summary>
    internal EvictOutcome EvictFrame(FrameClass size, long frame, bool spare = false)
    {
        EvictOutcome outcome = Domain.Evictor.Evict(size, frame, StoreLevel.Normal, spare);
        if (outcome == EvictOutcome.Freed)
        {
            size.GiveBack(frame);
        }

        return outcome;
    }

    internal void EvictAll() => Internals.PageOutAll(Domain);

    /// <summary>Stores a page under an id of the scenario's own.</summary>
    internal SwapId Put(long salt, int length = PageBytes)
    {
        SwapId id = Swap.Store(StoredPage.Bytes(salt, length));
        Stored.Add(id, new StoredPage(salt, length) { References = 1 });
        return id;
    }

    /// <summary>As <see cref="Put"/>; false when there is no room.</summary>
    internal bool TryPut(long salt, int length, out SwapId id)
    {
        try
        {
            id = Put(salt, length);
            return true;
        }
        catch (OutOfPagingSpaceException)
        {
            id = default;
            return false;
        }
    }

    /// <summary>Empties the segment with the most dead space, whether or not the pool needs it.</summary>
    internal void CleanOne()
    {
        Log.Mover.Gate.Enter();
        try
        {
            int victim = Log.Sealed.FindDeadest(1);
            if (victim >= 0)
            {
                Log.Cleaner.TryEmpty(victim);
            }
        }
        finally
        {
            Log.Mover.Gate.Exit();
        }
    }

    /// <summary>Lets everything that is stored grow cold.</summary>
    internal void GrowCold()
    {
        // What lies in open segments is first seen, and is cold when it is seen again.
        RecompressAll();
        Clock.Advance(Recompressor.DefaultAge);
    }

    /// <summary>Compresses again until there is nothing to do at this time.</summary>
    /// <param name="driver">The thread that does it, by number.</param>
    internal void RecompressAll(int driver = 1)
    {
        while (Recompress(driver) == 0)
        {
        }
    }

    /// <summary>One step of compressing again.</summary>
    internal int Recompress(int driver = 1) => Store.Recompressor.Step(driver);

    /// <summary>How the page of an id is stored.</summary>
    internal unsafe StoredForm FormOf(SwapId id) => FormOf((uint)id.Value);

    internal unsafe StoredForm FormOf(uint index)
    {
        Location location = Store.Descriptors.Locate(index);
        Assert.Equal(Location.Kind.Segment, location.Where);
        return ((EntryHeader*)(Store.Segments[location.Segment]->Address + location.Offset))->Form;
    }

    /// <summary>Drops a reference to each; a page is gone from the model before anybody can see it gone.</summary>
    internal void Free(params ReadOnlySpan<SwapId> ids)
    {
        foreach (SwapId id in ids)
        {
            if (--Stored[id].References == 0)
            {
                Stored.Remove(id);
            }

            Swap.Free(id);
        }
    }

    /// <summary>Does something that may be refused for want of room.</summary>
    internal static void IgnoreFull(Action action)
    {
        try
        {
            action();
        }
        catch (OutOfPagingSpaceException)
        {
        }
    }

    /// <summary>Loads a page that nobody frees meanwhile, or that <paramref name="mayBeGone"/>.</summary>
    internal bool Load(SwapId id, StoredPage page, bool mayBeGone = false)
    {
        byte[] found = new byte[page.Length];
        bool loaded = Swap.TryLoad(id, found, out int length);
        Assert.True(loaded || mayBeGone, $"page {id.Value:x} is not found");
        if (loaded)
        {
            Assert.Equal(page.Length, length);
            Assert.True(found.AsSpan().SequenceEqual(StoredPage.Bytes(page.Salt, page.Length)), $"page {id.Value:x} holds something else");
        }

        return loaded;
    }

    /// <summary>What must hold when no thread is at work, all contents, and that closing everything leaves nothing behind.</summary>
    internal void CheckAndClose()
    {
        Audit.Check(this);
        foreach (Book book in _books)
        {
            if (!book.Region.IsClosed)
            {
                book.CheckAll();
            }
        }

        foreach ((SwapId id, StoredPage page) in Stored)
        {
            Load(id, page);
        }

        Audit.Check(this);
        CloseAll();
    }

    internal void CloseAll()
    {
        foreach (Book book in _books)
        {
            book.Array.Dispose();
        }

        foreach ((SwapId id, StoredPage page) in Stored)
        {
            for (; page.References > 0; page.References--)
            {
                Swap.Free(id);
            }
        }

        Stored.Clear();
        Audit.Check(this);
        Audit.CheckEmpty(this);
        Pager.Dispose();
    }
}

/// <summary>A page that a scenario has stored itself.</summary>
internal sealed class StoredPage(long salt, int length)
{
    internal long Salt => salt;

    internal int Length => length;

    internal int References { get; set; }

    internal static byte[] Bytes(long salt, int length)
    {
        long[] elements = Contents.Page(salt, (length + 7) / 8);
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(elements.AsSpan())[..length].ToArray();
    }
}
#endif
