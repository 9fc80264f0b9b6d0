#if DEBUG
using Paging.Memory;
using Paging.Swap;
using Paging.Tests.Swap;

namespace Paging.Tests.Protocol;

/// <summary>The lock-free lists: what is handed out has one holder, and nothing is lost.</summary>
internal static class ListScenarios
{
    internal static readonly Scenario FreeFrames = new("a free frame is handed to one thread", static run =>
    {
        var pool = new FramePool(3 * 4096);
        FrameClass frames = pool.Class(4096);
        while (frames.TryGrow())
        {
        }

        int[] holders = new int[3];
        run.Together(TakeAndGiveBack, TakeAndGiveBack, TakeAndGiveBack);
        AssertAllFree(frames, 3);
        pool.Release();

        void TakeAndGiveBack()
        {
            for (int i = 0; i < 4; i++)
            {
                Hold(run, frames, holders);
            }
        }
    });

    internal static readonly Scenario DrainedFrames = new("a granule that is drained and had again loses no frame", static run =>
    {
        var pool = new FramePool(4 * 4096);
        FrameClass frames = pool.Class(4096);
        FrameClass other = pool.Class(8192);
        while (frames.TryGrow())
        {
        }

        int[] holders = new int[4];
        run.Together(
            () =>
            {
                for (int i = 0; i < 4; i++)
                {
                    Hold(run, frames, holders);
                }
            },
            () =>
            {
                for (int i = 0; i < 2; i++)
                {
                    Hold(run, frames, holders);
                    frames.TryGrow();
                }
            },
            () =>
            {
                int granule = int.MaxValue;
                for (int i = 0; i < 3; i++)
                {
                    granule = frames.Granules.BeginDrain(floor: 1, below: i == 1 ? granule : int.MaxValue);
                    run.Step();
                    frames.Granules.EndDrain(granule);
                    other.TryGrow();
                }
            });
        Assert.Equal(pool.CommittedBytes, (frames.Frames * 4096) + (other.Frames * 8192));
        Assert.True(pool.RemainingBytes >= 0);
        AssertAllFree(frames, frames.Frames);
        pool.Release();
    });

    internal static readonly Scenario FreeDescriptors = new("a free descriptor is handed to one thread", static run =>
    {
        var table = new DescriptorTable();
        var live = new HashSet<uint>();
        for (int i = 0; i < 2; i++)
        {
            DescriptorTests.Drop(table, table.Id(table.Take(isPublic: true)));
        }

        run.Together(TakeAndDrop, TakeAndDrop, TakeAndDrop);
        Assert.Empty(live);
        Assert.True(Internals.End(table) <= 4);
        table.Release();

        void TakeAndDrop()
        {
            for (int i = 0; i < 4; i++)
            {
                uint index = table.Take(isPublic: true);
                Assert.True(live.Add(index), $"descriptor {index} has two holders");
                ulong id = table.Id(index);
                table.Publish(index, Location.AsPattern(1), 0, 0);
                run.Step();
                Assert.Equal(id, table.Id(index));
                Assert.True(live.Remove(index));
                DescriptorTests.Drop(table, id);
            }
        }
    });

    internal static IEnumerable<Scenario> All => [FreeFrames, DrainedFrames, FreeDescriptors];

    private static void Hold(Run run, FrameClass frames, int[] holders)
    {
        long frame = frames.TakeFree();
        if (frame >= 0)
        {
            Assert.Equal(1, ++holders[frame - frames.FirstFrame]);
            Assert.True(frames.HasMemory(frame));
            run.Step();
            Assert.Equal(0, --holders[frame - frames.FirstFrame]);
            frames.GiveBack(frame);
        }
    }

    private static void AssertAllFree(FrameClass frames, long expected)
    {
        Assert.Equal(expected, frames.Frames);
        Assert.Equal(expected, frames.FreeFrames);
        var free = new HashSet<long>();
        for (long frame = frames.TakeFree(); frame >= 0; frame = frames.TakeFree())
        {
            Assert.True(free.Add(frame));
        }

        Assert.Equal(expected, free.Count);
    }
}
#endif
