using FsCheck;
using FsCheck.Fluent;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Threading;

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

    /// <summary>Segments with redundant entries are found the coldest first, each once a mark; one that is claimed meanwhile is found when the
    /// claim has ended.</summary>
    [Fact]
    public void The_coldest_segment_with_redundant_entries_is_found_once_a_mark() => Seeded.Run(static seed =>
    {
        const int Page = 4096;
        var dice = new Dice(seed);
        var store = new SwapStore(8 << 20, Page, writers: 1, new Counters(1));
        SegmentLog log = store.Segments.Logs[0]!;
        List<int> segments = [];
        List<int> born = [];
        for (int i = 0; i < Numbers; i++)
        {
            int number = log.TryTake(StoreLevel.Normal, isStore: true);
            Segment* segment = store.Segments[number];
            segment->Used += Page;
            Accounts.Credit(segment, EntrySize.Stored(Page / 16, Page, Page, isRaw: true));
            segments.Add(number);
            if (dice.OnceIn(2))
            {
                // While it is open, as a thread does that stores one.
                log.Sealed.NoteRedundant(segment->Chunk);
                born.Add(number);
            }

            log.Seal(number, age: dice.Below(1000));
        }

        var marked = new HashSet<int>(born);

        var claimed = new HashSet<int>();
        for (int step = 0; step < 500; step++)
        {
            int number = segments[dice.Below(Numbers)];
            Segment* segment = store.Segments[number];
            switch (dice.Below(4))
            {
                case 0:
                    log.Sealed.NoteRedundant(segment->Chunk);
                    marked.Add(number);
                    break;
                case 1 when SegmentWord.TryBeginCleaning(&segment->Word):
                    claimed.Add(number);
                    break;
                case 2 when claimed.Remove(number):
                    SegmentWord.AbandonCleaning(&segment->Word);
                    log.Sealed.Refresh(segment->Chunk);
                    break;
                default:
                    int found = log.Sealed.TakeRedundant(out int chunk);
                    int[] free = [.. marked.Except(claimed)];
                    Assert.Equal(free.Length == 0, found < 0);
                    if (found >= 0)
                    {
                        Assert.Equal(found, Assert.Single(free, each => store.Segments[each]->Chunk == chunk));
                        Assert.Equal(free.Min(each => store.Segments[each]->SealedAt), store.Segments[found]->SealedAt);
                        marked.Remove(found);
                    }

                    break;
            }
        }

        foreach (int number in claimed)
        {
            SegmentWord.AbandonCleaning(&store.Segments[number]->Word);
        }

        store.Release();
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
