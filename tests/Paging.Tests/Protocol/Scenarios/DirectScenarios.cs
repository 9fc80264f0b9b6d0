#if DEBUG
using Paging.Residency;
using Paging.Swap;
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>Rules that a single thread can put to the test: no seed matters here.</summary>
internal static unsafe class DirectScenarios
{
    internal static readonly Scenario PinGivenBackTwice = new("a pin given back twice is refused, and the page is as it was", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(1);
        book.Overwrite(0, Contents.Noise(1));
        ulong before = book.Word(0);
        Assert.Throws<InvalidOperationException>(() => PageWord.Unpin(book.Region.Find(0)));
        Assert.Equal(before, book.Word(0));
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario PageBackInItsFrame = new("a getter is not deceived by a page that left its frame and came back", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.Text(1));
        book.Store(1, Contents.Text(2));
        book.Get(0, 9);
        ulong before = book.Word(0);

        // Between the getter's look at the word and its reading, and again before its second look.
        run.Interleaver.Between(() => book.Get(0, 9), (SharedWord.PageData, TakeTheFrame), (SharedWord.Page, GiveItBack));
        Assert.Equal(PageWord.Offset(before), PageWord.Offset(book.Word(0)));
        world.CheckAndClose();

        void TakeTheFrame()
        {
            book.Evict(0);
            book.Get(1, 9);
        }

        void GiveItBack()
        {
            // The second time sets the reference bit again: then the words differ in nothing but their version.
            book.Evict(1);
            book.Get(0, 9);
            book.Get(0, 9);
        }
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario ReadsAtTheBrim = new(
        "whatever is stored can be read, however often writers try to fill the last frames", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(24);
        int written = 0;
        for (int round = 0; round < 8; round++)
        {
            // New pages only: overwriting a stored one would free as much as it takes.
            while (written < book.Pages && book.TryOverwrite(written, Contents.Noise(written)))
            {
                written++;
            }

            book.CheckAll();
        }

        Assert.True(written < book.Pages);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario CleaningAtTheBrim = new("a full pool of half dead segments takes what was freed", static run =>
    {
        var world = new World(run);
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Noise(i), 1000, out SwapId id); i++)
        {
            ids.Add(id);
        }

        for (int i = 0; i < ids.Count; i += 2)
        {
            world.Free(ids[i]);
        }

        for (int i = 0; i < ids.Count / 3; i++)
        {
            Assert.True(world.TryPut(Contents.Noise(1000 + i), 1000, out _), $"store {i} finds no room");
        }

        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario TwoLogsAtTheBrim = new("what all logs hold back is paid for by one budget", static run =>
    {
        var world = new World(run, frames: 8, poolBytes: 256 << 10);
        Book small = world.Allocate(40);
        Book large = world.Allocate(20, 2 * World.PageBytes);
        for (int page = 0; page < 40; page++)
        {
            small.TryOverwrite(page, Contents.Noise(page));
            large.TryOverwrite(page / 2, Contents.Noise(page));
        }

        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario FirstWriteAtTheBrim = new("a full pool keeps nobody from frames that nobody uses", static run =>
    {
        var world = new World(run);
        for (int i = 0; world.TryPut(Contents.Noise(i), World.PageBytes, out _); i++)
        {
        }

        Book book = world.Allocate(4);
        for (int page = 0; page < 3; page++)
        {
            book.Set(page, 0, 11 + page);
        }

        Assert.Throws<OutOfPagingSpaceException>(() => book.Set(3, 0, 14));
        book.ReadLease(3);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario DamagedHeaders = new("a damaged header costs its page, and not the cleaner its progress", static run =>
    {
        // Every bit of the header in turn, a seed each.
        int bit = (int)(run.Seed % (8 * EntryHeader.Size));
        var world = new World(run);
        var ids = new List<SwapId>();
        for (int i = 0; world.TryPut(Contents.Noise(i), 1000, out SwapId id); i++)
        {
            ids.Add(id);
        }

        Damage.FlipHeaderBit(world.Store, (uint)ids[3].Value, bit);
        for (int i = 0; i < ids.Count; i++)
        {
            if (i % 4 != 3)
            {
                world.Free(ids[i]);
            }
        }

        // Half of what was freed comes back, which takes cleaning past the damaged entry.
        for (int i = 0; i < ids.Count * 3 / 8; i++)
        {
            Assert.True(world.TryPut(Contents.Noise(1000 + i), 1000, out _), $"store {i} finds no room");
        }

        Assert.Throws<PageCorruptedException>(() => world.Load(ids[3], world.Stored[ids[3]]));
        foreach ((SwapId id, StoredPage page) in world.Stored)
        {
            Assert.True(id == ids[3] || world.Load(id, page));
        }

        world.CloseAll();
    })
    {
        MostSeeds = 8 * EntryHeader.Size,
    };

    internal static readonly Scenario ShiftAtTheBrim = new("a class that gives frames to another can still bring in what it stored", static run =>
    {
        var world = new World(run, frames: 16, poolBytes: 256 << 10);
        Book small = world.Allocate(60);
        Book large = world.Allocate(8, 2 * World.PageBytes);
        for (int page = 0; page < 4; page++)
        {
            large.Store(page, Contents.Noise(page));
        }

        int written = 0;
        while (small.TryOverwrite(written, Contents.Noise(written)))
        {
            written++;
        }

        // The large pages are wanted all the time, the small ones never: their class gives what it can.
        for (int round = 0; round < 12; round++)
        {
            for (int page = 0; page < 4; page++)
            {
                large.Copy(page);
            }

            Assert.True(small.Region.Frames.Frames >= small.Region.Frames.KeptClean);
        }

        for (int round = 0; round < 3; round++)
        {
            small.CheckAll();
            large.CheckAll();
        }

        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static IEnumerable<Scenario> All =>
    [
        PageBackInItsFrame, FirstWriteAtTheBrim, DamagedHeaders, ShiftAtTheBrim, PinGivenBackTwice, ReadsAtTheBrim, CleaningAtTheBrim,
        TwoLogsAtTheBrim
    ];
}
#endif
