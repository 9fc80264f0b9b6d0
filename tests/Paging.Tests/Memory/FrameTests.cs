using Paging.Memory;

namespace Paging.Tests.Memory;

/// <summary>Frames by themselves: the stack of free ones, and classes that share a budget by granules.</summary>
public sealed unsafe class FrameTests
{
    private const long HugeBudget = 64L << 20;

    [Fact]
    public void A_frame_stack_gives_back_the_last_first()
    {
        var records = stackalloc FrameRecord[4];
        var stack = new FrameStack(records);
        Assert.Equal(-1, stack.Pop());
        stack.Push(0);
        stack.Push(3);
        stack.Push(1);
        Assert.Equal(3, stack.Count);
        Assert.Equal([1, 3, 0, -1], [stack.Pop(), stack.Pop(), stack.Pop(), stack.Pop()]);
        Assert.Equal(0, stack.Count);
    }

    [Fact]
    public void A_frame_stack_is_taken_as_a_whole()
    {
        var records = stackalloc FrameRecord[8];
        var stack = new FrameStack(records);
        for (int i = 0; i < 8; i++)
        {
            stack.Push(i);
        }

        var taken = new List<long>();
        for (long frame = stack.PopAll(), next; frame >= 0; frame = next)
        {
            next = stack.Next(frame);
            taken.Add(frame);
        }

        Assert.Equal([7, 6, 5, 4, 3, 2, 1, 0], taken);
        Assert.Equal(0, stack.Count);
        Assert.Equal(-1, stack.PopAll());
    }

    [Fact]
    public void Classes_grow_to_the_budget_and_no_further() => Using(new FramePool(18 * 4096), static pool =>
    {
        FrameClass small = pool.Class(4096);
        FrameClass large = pool.Class(16384);
        Assert.Same(small, pool.Class(4096));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(large.TryGrow());
        }

        int grown = 0;
        while (small.TryGrow())
        {
            grown++;
        }

        Assert.Equal(6, grown);
        Assert.Equal(0, pool.RemainingBytes);
        Assert.False(large.TryGrow());
        Assert.Equal(pool.BudgetBytes, pool.CommittedBytes);
        Assert.Equal((6, 3), (small.Frames, large.Frames));
        Assert.Equal((6, 3), (small.FreeFrames, large.FreeFrames));
        Assert.Equal(0, pool.UsedBytes);
        Assert.Equal(9 * FrameRecord.Bytes, pool.RecordBytes);
    });

    [Fact]
    public void Frames_of_all_classes_have_their_own_numbers_places_and_records() => Using(new FramePool(1 << 20), static pool =>
    {
        var places = new List<(long First, long End)>();
        var numbers = new HashSet<long>();
        foreach (int pageBytes in (int[])[4096, 8192, 16384])
        {
            FrameClass frames = pool.Class(pageBytes);
            for (int i = 0; i < 5; i++)
            {
                Assert.True(frames.TryGrow());
                long frame = frames.TakeFree();
                Assert.True(numbers.Add(frame));
                Assert.Equal(frame, frames.FrameAt(frames.OffsetOf(frame)));
                Assert.Equal((nint)(frames.Records + frame), (nint)frames.RecordOf(frames.OffsetOf(frame)));
                Assert.True(frames.HasMemory(frame));
                new Span<byte>(frames.Address(frame), pageBytes).Fill((byte)frame);
                places.Add((frames.OffsetOf(frame), frames.OffsetOf(frame) + pageBytes));
            }
        }

        places.Sort();
        for (int i = 1; i < places.Count; i++)
        {
            Assert.True(places[i - 1].End <= places[i].First);
        }
    });

    [Fact]
    public void A_granule_is_given_back_once_all_its_frames_are_free() => Using(new FramePool(8 * 4096), static pool =>
    {
        FrameClass frames = pool.Class(4096);
        FrameClass other = pool.Class(8192);
        while (frames.TryGrow())
        {
        }

        long[] taken = [.. Enumerable.Range(0, 8).Select(_ => frames.TakeFree())];
        int granule = frames.Granules.BeginDrain(floor: 1);
        (long first, long end) = frames.Granules.GranuleFrames(granule);
        Assert.Equal(1, end - first);

        // Somebody still has the frame: it is not given back, and not lost.
        Assert.False(frames.Granules.EndDrain(granule));
        Assert.Equal(8, frames.Frames);
        Assert.Equal(0, frames.FreeFrames);

        granule = frames.Granules.BeginDrain(floor: 1);
        foreach (long frame in taken)
        {
            frames.GiveBack(frame);
        }

        Assert.True(frames.Granules.EndDrain(granule));
        Assert.Equal((7, 7), (frames.Frames, frames.FreeFrames));
        Assert.False(frames.HasMemory(first));
        Assert.Equal(4096, pool.RemainingBytes);
        Assert.False(other.TryGrow());

        granule = frames.Granules.BeginDrain(floor: 1);
        Assert.True(frames.Granules.EndDrain(granule));
        Assert.True(other.TryGrow());
        Assert.Equal((6, 1), (frames.Frames, other.Frames));
        Assert.Equal(0, pool.RemainingBytes);

        // What was given back can be had again, and reads as zeroes.
        granule = other.Granules.BeginDrain(floor: 0);
        Assert.True(other.Granules.EndDrain(granule));
        Assert.True(frames.TryGrow());
        Assert.True(frames.HasMemory(first) || frames.HasMemory(first - 1));
        long again = frames.TakeFree();
        Assert.False(new ReadOnlySpan<byte>(frames.Address(again), 4096).ContainsAnyExcept((byte)0));
    });

    [Fact]
    public void A_free_frame_of_a_granule_about_to_go_is_not_handed_out() => Using(new FramePool(4 * 4096), static pool =>
    {
        FrameClass frames = pool.Class(4096);
        while (frames.TryGrow())
        {
        }

        int granule = frames.Granules.BeginDrain(floor: 1);
        (long first, _) = frames.Granules.GranuleFrames(granule);
        long[] taken = [frames.TakeFree(), frames.TakeFree(), frames.TakeFree()];
        Assert.DoesNotContain(first, taken);
        Assert.Equal(-1, frames.TakeFree());
        Assert.True(frames.Granules.EndDrain(granule));
        Assert.Equal(-1, frames.TakeFree());
    });

    [Fact]
    public void The_floor_of_a_class_is_not_drained() => Using(new FramePool(4 * 4096), static pool =>
    {
        FrameClass frames = pool.Class(4096);
        while (frames.TryGrow())
        {
        }

        Assert.Equal(-1, frames.Granules.BeginDrain(floor: 4));
        Assert.Equal(-1, frames.Granules.BeginDrain(floor: 3, below: 0));
        Assert.True(frames.Granules.BeginDrain(floor: 3, below: 1) >= 0);
    });

    [Fact]
    public void A_granule_cut_short_by_the_budget_grows_when_there_is_more() => Using(new FramePool(HugeBudget + (64 << 10)), static pool =>
    {
        FrameClass large = pool.Class(16384);
        FrameClass small = pool.Class(4096);
        while (pool.RemainingBytes >= Reservation.HugePageBytes)
        {
            Assert.True(large.TryGrow());
        }

        Assert.Equal(64 << 10, pool.RemainingBytes);
        Assert.True(small.TryGrow());
        Assert.Equal(16, small.Frames);
        Assert.Equal(0, pool.RemainingBytes);

        // All that the other class has goes over to this one, down to the last frame of the short granule.
        for (int granule = large.Granules.BeginDrain(floor: 0); granule >= 0; granule = large.Granules.BeginDrain(floor: 0))
        {
            Assert.True(large.Granules.EndDrain(granule));
            while (small.TryGrow())
            {
            }
        }

        Assert.Equal(0, pool.RemainingBytes);
        Assert.Equal(pool.BudgetBytes >> 12, small.Frames);
        Assert.Equal(small.Frames, small.FreeFrames);
    });

    [Fact]
    public void Dirty_frames_leave_as_many_clean_as_are_kept() => Using(new FramePool(8 * 4096), static pool =>
    {
        FrameClass frames = pool.Class(4096);
        Assert.Equal(2, frames.KeptClean);
        for (int i = 0; i < 6; i++)
        {
            Assert.True(frames.TryReserveDirty(capacity: 8, force: false));
        }

        Assert.False(frames.TryReserveDirty(capacity: 8, force: false));
        Assert.Equal(6, frames.DirtyFrames);
        Assert.True(frames.TryReserveDirty(capacity: 8, force: true));
        frames.ReleaseDirty();
        frames.ReleaseDirty();
        Assert.True(frames.TryReserveDirty(capacity: 8, force: false));
    });

    private static void Using(FramePool pool, Action<FramePool> test)
    {
        try
        {
            test(pool);
        }
        finally
        {
            pool.Release();
        }
    }
}
