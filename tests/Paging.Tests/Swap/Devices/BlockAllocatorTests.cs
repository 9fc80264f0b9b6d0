using FsCheck;
using FsCheck.Fluent;
using Paging.Swap.Devices;
using Paging.Tests.Model;

namespace Paging.Tests.Swap.Devices;

internal enum BlockAct
{
    Allocate,
    Free,
    FreePart,
    TakeFreeRun,
}

internal readonly record struct BlockOp(BlockAct Act, int Count, int Which)
{
    public IEnumerable<BlockOp> Simpler()
    {
        BlockOp self = this;
        return Seeded.Shrink(Count - 1).Select(count => self with { Count = count + 1 });
    }
}

internal sealed record BlockScript(int Blocks, BlockOp[] Ops)
{
    public override string ToString() => $"{Blocks} blocks{Environment.NewLine}" + string.Concat(Ops.Select(op => $"  {op}{Environment.NewLine}"));
}

/// <summary>Runs of blocks: nobody's twice, found wherever there are any.</summary>
public sealed class BlockAllocatorTests
{
    [Fact]
    public void Runs_are_what_a_set_of_blocks_says_that_they_are()
    {
        Gen<BlockOp> op =
            from act in Gen.Frequency(
                (6, Gen.Constant(BlockAct.Allocate)), (3, Gen.Constant(BlockAct.Free)),
                (2, Gen.Constant(BlockAct.FreePart)), (1, Gen.Constant(BlockAct.TakeFreeRun)))
            from count in Gen.Frequency((4, Gen.Choose(1, 12)), (1, Gen.Choose(1, 200)))
            from which in Gen.Choose(0, 1 << 20)
            select new BlockOp(act, count, which);
        Gen<BlockScript> scripts =
            from blocks in Gen.Choose(1, 400)
            from ops in Gen.ArrayOf(op, 120)
            select new BlockScript(blocks, ops);
        Seeded.Check(
            300,
            scripts,
            script => Seeded.Shrink(script.Ops, simple => simple.Simpler()).Select(ops => script with { Ops = ops }),
            Run);
    }

    [Fact]
    public void Runs_follow_one_another_and_begin_again_at_the_front()
    {
        var blocks = new BlockAllocator(200);
        Assert.Equal([0, 70, 140], [blocks.Allocate(70), blocks.Allocate(70), blocks.Allocate(50)]);
        blocks.Free(0, 70);

        // Not at once into what has just become free.
        Assert.Equal(190, blocks.Allocate(10));
        Assert.Equal(0, blocks.Allocate(10));
        Assert.Equal(10, blocks.Allocate(60));
        Assert.Equal(BlockAllocator.None, blocks.Allocate(1));
        Assert.Equal((200, 0), (blocks.UsedBlocks, blocks.FreeBlocks));
    }

    [Fact]
    public void A_run_around_the_start_of_the_search_is_found()
    {
        var blocks = new BlockAllocator(100);
        Assert.Equal(0, blocks.Allocate(50));
        blocks.Free(20, 30);
        Assert.Equal(20, blocks.Allocate(80));
    }

    [Fact]
    public void Free_runs_are_taken_one_after_another_for_trimming()
    {
        var blocks = new BlockAllocator(300);
        Assert.Equal(0, blocks.Allocate(300));
        blocks.Free(10, 5);
        blocks.Free(60, 130);
        blocks.Free(299, 1);
        var runs = new List<(long First, long Count)>();
        for (long at = 0; blocks.TakeFreeRun(at, max: 100, out long count) is >= 0 and long first; at = first + count)
        {
            runs.Add((first, count));
            Assert.True(blocks.IsUsed(first));
            blocks.Free(first, count);
        }

        Assert.Equal([(10, 5), (60, 100), (160, 30), (299, 1)], runs);
        Assert.Equal(136, blocks.FreeBlocks);
    }

    [Fact]
    public void Threads_never_get_the_same_block()
    {
        const int Blocks = 512;
        var blocks = new BlockAllocator(Blocks);
        int[] owners = new int[Blocks];
        IoEngineTests.Parallel(4, thread =>
        {
            for (int i = 0; i < 3000; i++)
            {
                int count = 1 + (i * 7 % 40);
                long first = blocks.Allocate(count);
                if (first < 0)
                {
                    continue;
                }

                for (long block = first; block < first + count; block++)
                {
                    Assert.Equal(0, Interlocked.Exchange(ref owners[block], thread + 1));
                }

                for (long block = first; block < first + count; block++)
                {
                    Volatile.Write(ref owners[block], 0);
                }

                blocks.Free(first, count);
            }
        });
        Assert.Equal(0, blocks.UsedBlocks);
    }

    private static void Run(BlockScript script)
    {
        var blocks = new BlockAllocator(script.Blocks);
        var used = new SortedSet<long>();
        var runs = new List<(long First, long Count)>();
        foreach (BlockOp op in script.Ops)
        {
            switch (op.Act)
            {
                case BlockAct.Allocate:
                    long first = blocks.Allocate(op.Count);
                    Assert.Equal(LongestFreeRun(script.Blocks, used) >= op.Count, first >= 0);
                    Take(first, op.Count);
                    break;
                case BlockAct.TakeFreeRun:
                    long from = op.Which % script.Blocks;
                    first = blocks.TakeFreeRun(from, op.Count, out long count);
                    long expected = from;
                    while (used.Contains(expected))
                    {
                        expected++;
                    }

                    Assert.Equal(expected < script.Blocks ? expected : BlockAllocator.None, first);
                    if (first >= 0)
                    {
                        Assert.True(count == op.Count || first + count == script.Blocks || used.Contains(first + count));
                        Take(first, count);
                    }

                    break;
                case BlockAct.Free or BlockAct.FreePart when runs.Count > 0:
                    int which = op.Which % runs.Count;
                    (first, count) = runs[which];
                    long part = op.Act == BlockAct.Free ? count : 1 + (op.Count % count);
                    blocks.Free(first, part);
                    used.ExceptWith(Range(first, part));
                    runs.RemoveAt(which);
                    if (part < count)
                    {
                        runs.Add((first + part, count - part));
                    }

                    break;
            }

            Assert.Equal((used.Count, script.Blocks - used.Count), (blocks.UsedBlocks, blocks.FreeBlocks));
        }

        Assert.All(Range(0, script.Blocks), block => Assert.Equal(used.Contains(block), blocks.IsUsed(block)));

        void Take(long first, long count)
        {
            if (first >= 0)
            {
                Assert.InRange(first, 0, script.Blocks - count);
                Assert.All(Range(first, count), block => Assert.True(used.Add(block)));
                runs.Add((first, count));
            }
        }
    }

    private static IEnumerable<long> Range(long first, long count)
    {
        for (long block = first; block < first + count; block++)
        {
            yield return block;
        }
    }

    private static long LongestFreeRun(int blocks, SortedSet<long> used)
    {
        long longest = 0;
        long run = 0;
        for (long block = 0; block < blocks; block++)
        {
            run = used.Contains(block) ? 0 : run + 1;
            longest = Math.Max(longest, run);
        }

        return longest;
    }
}
