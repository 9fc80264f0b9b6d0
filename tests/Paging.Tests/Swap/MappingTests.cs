using System.Globalization;
using Paging.Memory;
using Paging.Swap;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap;

/// <summary>How many mappings a pager's memory is in does not depend on how much of it there is, nor on where it has been given back.</summary>
[Collection(Alone.Name)]
public sealed class MappingTests
{
    private const int PageBytes = 16 << 10;

    [Fact]
    public void Holes_in_every_second_run_of_a_pool_add_no_mappings()
    {
        // One where all zones have holes; the first and the last one may be whole.
        Assert.InRange(MappingsWithHoles(128L << 20), 1, 3);
        Assert.InRange(MappingsWithHoles(320L << 20), 1, 3);
    }

    [Fact]
    public void What_was_given_back_and_comes_again_is_advised_as_before()
    {
        using Pager pager = Make(96L << 20);
        SegmentLog log = Internals.Domain(pager).Swap.LogFor(PageBytes)!;
        List<SwapId> ids = Fill(pager);
        int full = MappingsOf(log);
        for (int round = 0; round < 2; round++)
        {
            FreeEverySecondRun(pager, ids);
            ids = [.. ids, .. Fill(pager)];
        }

        Assert.InRange(MappingsOf(log), full, HugeZones.MaxZones);
    }

    [Fact]
    public void A_zone_is_advised_huge_only_while_it_has_no_holes()
    {
        const long Huge = Reservation.HugePageBytes;
        var memory = new Reservation(256 * Huge, accessible: false);
        try
        {
            var zones = new HugeZones(memory, huge: true);
            Assert.Equal(4 * Huge, zones.ZoneBytes);
            Assert.True(memory.TryCommit(0, memory.Bytes, huge: true));
            Assert.Equal(1, MappingsOf(memory));

            // Across the border of two zones, and further holes in them.
            zones.Open((4 * Huge) - 4096, 8192);
            Assert.False(zones.IsWhole(0));
            Assert.False(zones.IsWhole(4 * Huge));
            Assert.Equal(2, MappingsOf(memory));
            zones.Open(0, 4096);
            zones.Open(5 * Huge, 4096);
            Assert.Equal(2, MappingsOf(memory));

            zones.Fill((4 * Huge) - 4096, 8192, memory.Bytes);
            Assert.Equal(2, MappingsOf(memory));
            zones.Fill(0, 4096, memory.Bytes);
            Assert.True(zones.IsWhole(0));
            Assert.Equal(3, MappingsOf(memory));
            zones.Fill(5 * Huge, 4096, memory.Bytes);
            Assert.Equal(1, MappingsOf(memory));
        }
        finally
        {
            memory.Release();
        }
    }

    [Fact]
    public unsafe void Frames_given_back_one_by_one_split_nothing_below_a_huge_page()
    {
        const int Budget = 32 << 20;
        var pool = new FramePool(Budget);
        try
        {
            FrameClass frames = pool.Class(4096);
            while (frames.TryGrow())
            {
            }

            // Every second granule, from the end: its only frame is free.
            for (int i = 0; i < Budget / 4096; i += 2)
            {
                int granule = frames.Granules.BeginDrain(floor: 0);
                if (i % 4 == 0)
                    Assert.True(frames.Granules.EndDrain(granule));
            }

            Assert.InRange(Mappings(frames.Base, 11L * Budget), 1, (2 * Budget / Reservation.HugePageBytes) + 2);
        }
        finally
        {
            pool.Release();
        }
    }

    private static int MappingsWithHoles(long poolBytes)
    {
        using Pager pager = Make(poolBytes);
        List<SwapId> ids = Fill(pager);
        FreeEverySecondRun(pager, ids);
        SegmentLog log = Internals.Domain(pager).Swap.LogFor(PageBytes)!;
        Assert.True(pager.GetStatistics().PoolBytes < 0.7 * poolBytes, "memory was given back");
        return MappingsOf(log);
    }

    private static void FreeEverySecondRun(Pager pager, List<SwapId> ids)
    {
        const int Run = (2 << 20) / PageBytes;
        for (int i = 0; i < ids.Count; i++)
        {
            if (i / Run % 2 == 1)
                pager.Swap.Free(ids[i]);
        }

        int place = 0;
        ids.RemoveAll(_ => place++ / Run % 2 == 1);
    }

    private static List<SwapId> Fill(Pager pager)
    {
        var ids = new List<SwapId>();
        byte[] page = new byte[PageBytes];
        new Random(7).NextBytes(page);
        try
        {
            while (true)
                ids.Add(pager.Swap.Store(page));
        }
        catch (OutOfPagingSpaceException)
        {
            return ids;
        }
    }

    private static Pager Make(long poolBytes) => new(new PagerOptions
    {
        ResidentBytes = 1 << 20,
        PoolBytes = poolBytes,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
        Compression = CompressionGoal.None,
    });

    private static int MappingsOf(SegmentLog log) => MappingsOf(Internals.Memory(log.Chunks));

    private static unsafe int MappingsOf(Reservation memory) => Mappings(memory.Address, memory.Bytes);

    /// <summary>Mappings in a range, but for those that cannot be touched.</summary>
    private static unsafe int Mappings(byte* address, long bytes)
    {
        int count = 0;
        foreach (string line in File.ReadLines("/proc/self/maps"))
        {
            string[] ends = line[..line.IndexOf(' ')].Split('-');
            ulong start = ulong.Parse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong end = ulong.Parse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (line.Contains(" rw", StringComparison.Ordinal) && start < (ulong)address + (ulong)bytes && end > (ulong)address)
                count++;
        }

        return count;
    }
}
