using FsCheck;
using FsCheck.Fluent;
using Paging.Swap;
using Paging.Tests.Model;

namespace Paging.Tests.Swap;

/// <summary>The orders that segments are found by, against plain collections.</summary>
public sealed unsafe class SegmentOrderTests
{
    private const int Numbers = 24;
    private const int Lists = 5;

    private static readonly Gen<(int Number, int Key)[]> s_script = Gen.Sized(static size => Gen.ArrayOf(
        from number in Gen.Choose(0, Numbers - 1)
        from key in Gen.Choose(-1, 12)
        select (number, key), 20 + (2 * size)));

    [Fact]
    public void The_first_of_a_heap_has_the_lowest_key() => Seeded.Check(400, s_script, Simpler, static script =>
    {
        var heap = new ChunkHeap(Numbers);
        var model = new Dictionary<int, long>();
        foreach ((int chunk, int key) in script)
        {
            if (key < 0)
            {
                heap.Remove(chunk);
                model.Remove(chunk);
            }
            else
            {
                heap.Set(chunk, key);
                model[chunk] = key;
            }

            Assert.Equal(model.Count == 0, heap.First == ChunkHeap.None);
            if (model.Count != 0)
            {
                Assert.Equal(model.Values.Min(), model[heap.First]);
                Assert.Equal(model[heap.First], heap.KeyOf(heap.First));
            }
        }

        // Taken out one after another they come in order, and all of them.
        var left = new List<long>();
        for (int chunk = heap.First; chunk != ChunkHeap.None; chunk = heap.First)
        {
            left.Add(heap.KeyOf(chunk));
            heap.Remove(chunk);
        }

        Assert.Equal(model.Values.Order(), left);
    });

    [Fact]
    public void A_number_is_in_one_list_in_the_order_in_which_it_came() => Seeded.Check(400, s_script, Simpler, static script =>
    {
        byte[] memory = new byte[NumberLists.Bytes(Lists, Numbers)];
        fixed (byte* start = memory)
        {
            var lists = new NumberLists(start, Lists);
            List<int>[] model = [.. Enumerable.Range(0, Lists).Select(static _ => new List<int>())];
            foreach ((int number, int key) in script)
            {
                int list = key < 0 ? NumberLists.None : key % Lists;
                lists.Put(number, list);
                if (list == NumberLists.None || !model[list].Contains(number))
                {
                    Array.ForEach(model, each => each.Remove(number));
                    if (list != NumberLists.None)
                    {
                        model[list].Add(number);
                    }
                }

                for (int i = 0; i < Lists; i++)
                {
                    Assert.Equal(model[i], Walk(lists, i));
                }
            }
        }
    });

    /// <summary>The rank grows as entries die, never passes over a threshold that is asked for, and is the highest only when little is
    /// left.</summary>
    [Theory]
    [InlineData(4096)]
    [InlineData(12288)]
    [InlineData(1 << 20)]
    [InlineData(33550336)]
    public void The_rank_of_a_segment_grows_with_what_is_dead(int bytes)
    {
        int step = Math.Max(16, bytes / 4096 / 16 * 16);
        int before = DeadShare.Nothing;
        Assert.Equal(DeadShare.Nothing, DeadShare.InMemory(bytes, bytes, bytes));
        for (int dead = step; dead <= bytes; dead += step)
        {
            int rank = DeadShare.InMemory(bytes, bytes - dead, bytes);
            Assert.InRange(rank, Math.Max(before, 0), DeadShare.Ranks - 1);
            Assert.InRange(DeadShare.AtLeast(dead, bytes), 0, rank);
            Assert.Equal(rank, DeadShare.OnFile(bytes - dead, bytes));
            before = rank;
        }

        // Half full when it was sealed: what emptying it gains counts, but not where hardly anything is dead.
        Assert.Equal(DeadShare.AtLeast(16, bytes), DeadShare.InMemory(bytes / 2, (bytes / 2) - 16, bytes));
        Assert.InRange(DeadShare.InMemory(bytes / 2, bytes / 4, bytes), DeadShare.AtLeast(bytes / 4, bytes), DeadShare.Ranks - 1);
        Assert.Equal(DeadShare.Ranks - 1, DeadShare.InMemory(bytes, 0, bytes));
    }

    private static List<int> Walk(NumberLists lists, int list)
    {
        var walked = new List<int>();
        for (int number = lists.First(list); number != NumberLists.None; number = lists.Next(number))
        {
            walked.Add(number);
        }

        return walked;
    }

    private static IEnumerable<(int Number, int Key)[]> Simpler((int Number, int Key)[] script) => Seeded.Shrink(script, static _ => []);
}
