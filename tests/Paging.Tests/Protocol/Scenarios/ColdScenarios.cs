#if DEBUG
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Residency;
using Paging.Swap;

namespace Paging.Tests.Protocol;

/// <summary>Compressing again what has gone cold, by one thread: which pages, when, and what is counted.</summary>
internal static class ColdScenarios
{
    /// <summary>Pages of this length take half a segment of the smallest pool when nothing shrinks them.</summary>
    private const int Half = World.PageBytes - 32;

    internal static readonly Scenario ByAge = new(
        "what has been left alone for long enough is compressed again, and counted as what it is", static run =>
    {
        var world = new World(run);
        SwapId[] ids =
            [world.Put(Contents.HalfNibbles(1)), world.Put(Contents.Nibbles(2)), world.Put(Contents.Nibbles(3)), world.Put(Contents.HalfNibbles(4))];
        Assert.Equal(2, world.Pager.GetStatistics().IncompressiblePages);
        long stored = world.Pager.GetStatistics().PoolStoredBytes;
        world.RecompressAll();
        world.Clock.Advance(Recompressor.DefaultAge - TimeSpan.FromTicks(1));
        world.RecompressAll();
        Assert.Equal(0, world.Pager.GetStatistics().RecompressedPages);
        world.Clock.Advance(TimeSpan.FromTicks(1));
        world.RecompressAll();
        Assert.All(ids, id => Assert.Equal((Codec.Zstd, true), (world.FormOf(id).Codec, world.FormOf(id).IsRecompressed)));
        PagerStatistics statistics = world.Pager.GetStatistics();
        Assert.Equal((4, 0), (statistics.RecompressedPages, statistics.IncompressiblePages));
        Assert.True(statistics.PoolStoredBytes < stored * 0.6);
        Audit.Check(world);
        Assert.All(world.Stored, stored => world.Load(stored.Key, stored.Value));
        world.Free(ids[1]);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario SecondChance = new("what was loaded since gets a second chance, and no third", static run =>
    {
        var world = new World(run);
        SwapId wanted = world.Put(Contents.HalfNibbles(1)), other = world.Put(Contents.HalfNibbles(2));
        world.Load(wanted, world.Stored[wanted]);
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal((Codec.Lz4, Codec.Zstd), (world.FormOf(wanted).Codec, world.FormOf(other).Codec));
        world.RecompressAll();
        Assert.Equal(Codec.Lz4, world.FormOf(wanted).Codec);
        world.Clock.Advance(Recompressor.DefaultAge);
        world.RecompressAll();
        Assert.Equal(Codec.Zstd, world.FormOf(wanted).Codec);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario SecondChanceOfASealedSegment = new(
        "a sealed segment is visited until nothing is left to do in it", static run =>
    {
        var world = new World(run);
        SwapId[] ids = [.. Enumerable.Range(1, 6).Select(i => world.Put(Contents.HalfNibbles(i)))];
        for (int round = 0; round < 3; round++)
        {
            world.Load(ids[0], world.Stored[ids[0]]);
            world.GrowCold();
            world.RecompressAll();
            Assert.Equal(Codec.Lz4, world.FormOf(ids[0]).Codec);
            Assert.All(ids[1..], id => Assert.Equal(Codec.Zstd, world.FormOf(id).Codec));
        }

        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(Codec.Zstd, world.FormOf(ids[0]).Codec);
        Assert.Equal(6, world.Pager.GetStatistics().RecompressedPages);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario GainTooSmall = new("what gains too little is moved as it is, and not tried again", static run =>
    {
        var world = new World(run);
        SwapId[] ids = [.. Enumerable.Range(0, 5).Select(i => world.Put(Contents.Noise(i), Half))];
        world.GrowCold();
        world.RecompressAll();
        Location[] moved = [.. ids.Select(id => world.Store.Descriptors.Locate((uint)id.Value))];
        Assert.All(ids, id => Assert.Equal(StoredForm.Raw with { StaysAsIs = true }, world.FormOf(id)));
        PagerStatistics statistics = world.Pager.GetStatistics();
        Assert.Equal((0, 5), (statistics.RecompressedPages, statistics.IncompressiblePages));
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(moved, ids.Select(id => world.Store.Descriptors.Locate((uint)id.Value)));
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario StaysAsIs = new("what its owner wants fast stays as it is", static run =>
    {
        var world = new World(run);
        world.Domain.Policies[0].Goal = CompressionGoal.Speed;
        SwapId[] ids = [.. Enumerable.Range(1, 3).Select(i => world.Put(Contents.HalfNibbles(i)))];
        world.Domain.Policies[0].Goal = CompressionGoal.Ratio;
        SwapId small = world.Put(Contents.HalfNibbles(4));
        Assert.False(world.FormOf(small).IsRecompressed);
        Location[] before = [.. ids.Append(small).Select(id => world.Store.Descriptors.Locate((uint)id.Value))];
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(before, ids.Append(small).Select(id => world.Store.Descriptors.Locate((uint)id.Value)));
        Assert.Equal(0, world.Pager.GetStatistics().RecompressedPages);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario Damaged = new("a damaged page is left alone, and still says so; its neighbours go", static run =>
    {
        var world = new World(run);
        SwapId[] ids = [world.Put(Contents.Nibbles(1), 1000), world.Put(Contents.Noise(2), 1000), world.Put(Contents.Nibbles(3), 1000)];
        Damage.FlipBodyBit(world.Store, (uint)ids[1].Value, bit: 4321);
        Location before = world.Store.Descriptors.Locate((uint)ids[1].Value);
        world.GrowCold();
        world.RecompressAll();
        Assert.Throws<PageCorruptedException>(() => world.Load(ids[1], world.Stored[ids[1]]));
        Assert.Equal(before, world.Store.Descriptors.Locate((uint)ids[1].Value));
        Assert.True(world.FormOf(ids[0]).IsRecompressed && world.FormOf(ids[2]).IsRecompressed);
        Assert.Equal(2, world.Pager.GetStatistics().RecompressedPages);
        world.Free(ids[1]);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario Filtered = new("a filter that is in the way of the stronger codec is left out", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2, filter: PageFilter.Delta);
        book.Store(0, Contents.HalfNibbles(1));
        book.Store(1, Contents.Text(2));
        Assert.Equal((Codec.Lz4, FilterKind.DeltaShuffle), (FormOf(world, book, 0).Codec, FormOf(world, book, 0).Filter.Kind));
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal((Codec.Zstd, FilterKind.None), (FormOf(world, book, 0).Codec, FormOf(world, book, 0).Filter.Kind));
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario BackInUse = new("a page that is wanted again is LZ4 again at its next eviction", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        for (int page = 0; page < 3; page++)
        {
            book.Store(page, Contents.HalfNibbles(page + 1));
        }

        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(Codec.Zstd, FormOf(world, book, 0).Codec);
        book.ReadLease(0);
        Assert.False(book.IsDirty(0));
        Assert.Equal(EvictOutcome.Freed, book.Evict(0));
        Assert.Equal((Codec.Lz4, false), (FormOf(world, book, 0).Codec, FormOf(world, book, 0).IsRecompressed));
        Assert.Equal(Codec.Zstd, FormOf(world, book, 1).Codec);
        Audit.Check(world);

        // And then it is an ordinary page: its next eviction is one step, and left alone it goes cold again.
        book.ReadLease(0);
        long clean = world.Pager.GetStatistics().CleanEvictions;
        Assert.Equal(EvictOutcome.Freed, book.Evict(0));
        Assert.Equal(clean + 1, world.Pager.GetStatistics().CleanEvictions);
        world.GrowCold();
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(Codec.Zstd, FormOf(world, book, 0).Codec);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario BackFromTheFile = new("so is one that was written out in between", static run =>
    {
        var world = new World(run);
        world.AddFile(64 * 12 * 4096, delays: false);
        Book book = world.Allocate(8);
        for (int page = 0; page < 8; page++)
        {
            book.Store(page, Contents.HalfNibbles(page + 1));
        }

        world.GrowCold();
        world.RecompressAll();
        world.WriteAll();
        Assert.NotEqual(0, world.Pager.GetStatistics().FilePages);
        for (int page = 0; page < 8; page++)
        {
            book.ReadLease(page);
            Assert.Equal(EvictOutcome.Freed, book.Evict(page));
            Assert.Equal(Codec.Lz4, FormOf(world, book, page).Codec);
        }

        Assert.Equal(0, world.Pager.GetStatistics().FilePages);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario WrittenFirst = new("what was compressed again is written out before what was stored since", static run =>
    {
        var world = new World(run, poolBytes: 32 * 8192);
        world.AddFile(64 * 12 * 4096, delays: false);
        SwapId[] cold = [.. Enumerable.Range(1, 8).Select(i => world.Put(Contents.Nibbles(i)))];
        world.GrowCold();

        // The last of the cold ones has its segment sealed by these, and counts from then on.
        SwapId[] warm = [.. Enumerable.Range(9, 4).Select(i => world.Put(Contents.Nibbles(i)))];
        world.RecompressAll();
        Assert.Equal(WritebackStart.Started, world.WriteOne());
        Assert.All(cold[..^1], id => Assert.True(world.Store.Descriptors.Locate((uint)id.Value).IsRecompressed));
        Assert.Contains(cold, id => IsOnFile(world, id));
        Assert.DoesNotContain(warm, id => IsOnFile(world, id));
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario FullPool = new("a full pool of cold pages makes room by itself", static run =>
    {
        var world = new World(run);
        int stored = 0;
        for (; world.TryPut(Contents.Nibbles(stored), Half, out _); stored++)
        {
        }

        Assert.False(world.Log.Chunks.HasRoom);
        world.GrowCold();
        world.RecompressAll();
        Audit.Check(world);
        Assert.True(world.Pager.GetStatistics().RecompressedPages > stored / 2, "hardly anything was compressed again");

        // Two pages of these to a segment, and three when they are compressed again.
        for (int i = 0; i < stored / 4; i++)
        {
            Assert.True(world.TryPut(Contents.Nibbles(100 + i), Half, out _), $"store {i} finds no room");
        }

        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario OneDriver = new(
        "one thread drives until there is nothing left, and whoever stores then has it looked at", static run =>
    {
        var world = new World(run);
        world.RecompressAll();
        Assert.Equal(Timeout.Infinite, world.Recompress());
        world.Put(Contents.HalfNibbles(1));
        world.RecompressAll(driver: 2);
        int wait = world.Recompress(driver: 2);
        Assert.Equal((int)Recompressor.DefaultAge.TotalMilliseconds, wait);
        Assert.Equal(Timeout.Infinite, world.Recompress(driver: 1));
        world.Clock.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(wait - 4000, world.Recompress(driver: 2));
        world.Clock.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(0, world.Recompress(driver: 2));
        Assert.Equal(1, world.Pager.GetStatistics().RecompressedPages);
        world.RecompressAll(driver: 2);
        Assert.Equal(Timeout.Infinite, world.Recompress(driver: 2));
        world.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(Timeout.Infinite, world.Recompress(driver: 1));
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario StoredWhileTheDriverStops = new(
        "what is stored while the driver is about to stop is not left to nobody", static run =>
    {
        var world = new World(run);
        Assert.Equal(0, world.Recompress(driver: 1));

        // It has looked, and found nothing. Whoever stores now wakes a thread, which finds somebody driving and goes back to sleep.
        world.Clock.Meanwhile = (1, () =>
        {
            world.Put(Contents.HalfNibbles(1));
            Assert.Equal(Timeout.Infinite, world.Recompress(driver: 2));
        }
        );
        Assert.NotEqual(Timeout.Infinite, world.Recompress(driver: 1));
        Assert.Null(world.Clock.Meanwhile);
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(1, world.Pager.GetStatistics().RecompressedPages);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario InUse = new(
        "the copy of a page in use does not go cold, and if it has, the page is LZ4 again at its next eviction", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(2);
        book.StoreAndLoad(0, Contents.HalfNibbles(1));
        uint copy = Internals.StoredCopy(book.Region.Frames, book.Word(0));
        book.ReadLease(0);
        for (int round = 0; round < 3; round++)
        {
            world.GrowCold();
            Assert.Equal(EvictOutcome.SecondChance, GiveChance());
            world.RecompressAll();
            Assert.Equal(Codec.Lz4, world.FormOf(copy).Codec);
            book.ReadLease(0);
        }

        world.GrowCold();
        world.RecompressAll();
        world.GrowCold();
        world.RecompressAll();
        Assert.Equal(Codec.Zstd, world.FormOf(copy).Codec);
        Assert.Equal(EvictOutcome.SecondChance, GiveChance());
        Assert.Equal(EvictOutcome.Freed, book.Evict(0));
        Assert.Equal((Codec.Lz4, false), (FormOf(world, book, 0).Codec, FormOf(world, book, 0).IsRecompressed));
        world.CheckAndClose();

        EvictOutcome GiveChance() => world.EvictFrame(book.Region.Frames, Internals.FrameOf(book.Region.Frames, book.Word(0)), spare: true);
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario LongSegment = new(
        "what takes long to be compressed again is not, under the gate that evictors wait for", static run =>
    {
        // So long a segment holds thousands of pages of next to nothing.
        var world = new World(run, poolBytes: 64L * (8 * 4128 + 4096));
        Assert.InRange(world.Log.SegmentBytes, 32 << 10, 64 << 10);
        byte[] page = new byte[World.PageBytes];
        List<SwapId> ids = [];
        try
        {
            for (int i = 1; ; i++)
            {
                BitConverter.TryWriteBytes(page, i);
                ids.Add(world.Swap.Store(page));
            }
        }
        catch (OutOfPagingSpaceException)
        {
        }

        Assert.True(ids.Count > 10_000);
        Assert.True(world.Log.IsShort);
        world.Clock.Advance(Recompressor.DefaultAge);
        for (int step = 0; step < 4 && world.Recompress() == 0; step++)
        {
            Assert.InRange(world.Pager.GetStatistics().RecompressedPages, 0, 512L * (step + 1));
        }

        world.Pager.Dispose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario DisposeInTheMiddle = new("the pager is disposed in the middle of a visit", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(8);
        for (int page = 0; page < 8; page++)
        {
            book.Store(page, Contents.Nibbles(page));
        }

        world.GrowCold();
        Assert.Equal(0, world.Recompress());
        Assert.InRange(world.Pager.GetStatistics().RecompressedPages, 1, 7);
        Audit.Check(world);
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static IEnumerable<Scenario> All =>
    [
        ByAge, SecondChance, SecondChanceOfASealedSegment, GainTooSmall, StaysAsIs, Damaged, Filtered, BackInUse, BackFromTheFile,
        WrittenFirst, FullPool, OneDriver,
        StoredWhileTheDriverStops, InUse, LongSegment, DisposeInTheMiddle,
    ];

    private static StoredForm FormOf(World world, Book book, int page)
    {
        Assert.Equal(PageState.Swapped, book.State(page));
        return world.FormOf(PageWord.Stored(book.Word(page)));
    }

    private static bool IsOnFile(World world, SwapId id) =>
        Internals.State(world.Store.Segments, world.Store.Descriptors.Locate((uint)id.Value).Segment) == SegmentState.OnFile;
}
#endif
