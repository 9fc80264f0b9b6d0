using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Model;

namespace Paging.Tests.Swap;

public class PublicSwapSpaceTests
{
    private readonly byte[] _buffer = new byte[64 << 10];

    [Fact]
    public void The_default_id_names_nothing()
    {
        using var working = new Working();
        RefusesId(working.Pager, default);
        working.IsWhole();
    }

    [Fact]
    public void A_page_is_freed_with_its_last_reference_and_not_before()
    {
        using var working = new Working();
        SwapSpace swap = working.Pager.Swap;
        SwapId id = swap.Store([1, 2, 3]);
        swap.AddReference(id);
        swap.AddReference(id);
        for (int i = 0; i < 2; i++)
        {
            swap.Free(id);
            Assert.Equal(3, swap.Load(id, _buffer));
            Assert.Equal([1, 2, 3], _buffer[..3]);
        }

        swap.Free(id);
        RefusesId(working.Pager, id);
        RefusesId(working.Pager, id);
        working.IsWhole();
    }

    [Fact]
    public void The_source_may_be_reused_once_it_is_stored()
    {
        using var working = new Working();
        byte[] page = [1, 2, 3, 4];
        SwapId id = working.Pager.Swap.Store(page);
        Array.Clear(page);
        Assert.Equal(4, working.Pager.Swap.Load(id, page));
        Assert.Equal([1, 2, 3, 4], page);
    }

    [Fact]
    public void A_load_writes_the_page_and_nothing_behind_it()
    {
        using var working = new Working();
        foreach (ContentKind kind in Enum.GetValues<ContentKind>())
        {
            foreach (int length in new[] { 1, 15, 16, 17, 31, 32, 33, 4095, 4096, 40_000 })
            {
                var page = new byte[length];
                Content.Write<byte>(kind, (ulong)length, page);
                SwapId id = working.Pager.Swap.Store(page);
                Array.Fill(_buffer, (byte)0xA5);
                Assert.Equal(length, working.Pager.Swap.Load(id, _buffer));
                Assert.Equal(-1, Content.FirstDifference<byte>(page, _buffer.AsSpan(0, length)));
                Assert.Equal(-1, _buffer.AsSpan(length).IndexOfAnyExcept((byte)0xA5));
                working.Pager.Swap.Free(id);
            }
        }

        working.IsWhole();
    }

    [Fact]
    public void A_destination_that_is_too_short_is_refused_and_stays_as_it_is()
    {
        using var working = new Working();
        SwapId id = working.Pager.Swap.Store(new byte[1000]);
        var shorter = new byte[999];
        Array.Fill(shorter, (byte)7);
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Swap.Load(id, shorter));
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Swap.Load(id, []));
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Swap.TryLoad(id, shorter, out _));
        Assert.Equal(-1, shorter.AsSpan().IndexOfAnyExcept((byte)7));
        Assert.Equal(1000, working.Pager.Swap.Load(id, _buffer));
        working.IsWhole();
    }

    [Fact]
    public void Nothing_and_more_than_4_MiB_are_refused()
    {
        using var working = new Working(poolBytes: 128 << 20);
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Swap.Store([]));
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Swap.Store(new byte[(4 << 20) + 1]));
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Swap.Store(new byte[64 << 20]));
        SwapId id = working.Pager.Swap.Store(new byte[4 << 20]);
        Assert.Equal(4 << 20, working.Pager.Swap.GetLength(id));
        working.IsWhole();
    }

    [Fact]
    public void Forged_ids_name_nothing_however_near_they_are_to_a_real_one()
    {
        using var working = new Working();
        SwapId id = working.Pager.Swap.Store([1, 2, 3]);
        HashSet<ulong> forged = [1, 2, 3, 255, 65535, 1UL << 32, 1UL << 48, 1UL << 63, ulong.MaxValue, long.MaxValue];
        for (int i = 0; i < 64; i++)
        {
            for (int j = 0; j < 64; j++)
                forged.Add(id.Value ^ (1UL << i) ^ (i == j ? 0 : 1UL << j));
            for (ulong distance = 1; distance <= 300; distance++)
            {
                forged.Add(id.Value + (distance << i));
                forged.Add(id.Value - (distance << i));
            }
        }

        // The array of the fixture has stored pages next to this one, and the fixture itself a page of its own.
        forged.Remove(id.Value);
        ulong[] known = [.. forged.Where(value => working.Pager.Swap.TryLoad(new SwapId(value), _buffer, out _))];
        Assert.True(
            known.Length <= 1,
            $"Beside the fixture's own page these can be loaded: {string.Join(' ', known.Select(value => value.ToString("x16", null)))}");
        foreach (ulong value in forged.Except(known).Where((_, i) => i % 97 == 0))
            RefusesId(working.Pager, new SwapId(value));
        Assert.Equal(3, working.Pager.Swap.Load(id, _buffer));
        working.IsWhole();
    }

    [Fact]
    public void Random_ids_name_nothing() => Seeded.Run(seed =>
    {
        using var working = new Working();
        var rng = new Rng(seed);
        for (int i = 0; i < 20_000; i++)
        {
            ulong value = rng.Next() >> rng.Next(64);
            // The fixture's array keeps dozens of pages under small indices; a guess must not hit one.
            if (working.Pager.Swap.TryLoad(new SwapId(value), _buffer, out int written))
                Assert.Equal(3000, written);
        }

        working.IsWhole();
    });

    [Fact]
    public void An_id_stays_dead_through_thousands_of_new_stores_in_its_place()
    {
        using var working = new Working();
        SwapSpace swap = working.Pager.Swap;
        List<SwapId> dead = [];
        for (int round = 0; round < 8000; round++)
        {
            SwapId id = swap.Store([(byte)round, (byte)(round >> 8)]);
            if (round % 400 == 0)
                dead.Add(id);
            swap.Free(id);
        }

        SwapId[] live = [.. Enumerable.Range(0, 200).Select(i => swap.Store([(byte)i, 0]))];
        foreach (SwapId id in dead)
            RefusesId(working.Pager, id);
        for (int i = 0; i < live.Length; i++)
        {
            Assert.Equal(2, swap.Load(live[i], _buffer));
            Assert.Equal((byte)i, _buffer[0]);
        }

        working.IsWhole();
    }

    [Fact]
    public void Freeing_and_reading_one_id_from_many_threads_frees_it_once() => Seeded.Run(seed =>
    {
        using var working = new Working(backgroundThreads: 1);
        SwapSpace swap = working.Pager.Swap;
        var rng = new Rng(seed);
        for (int round = 0; round < 200; round++)
        {
            var page = new byte[1 + rng.Next(5000)];
            Content.Write<byte>(Content.Pick(ref rng), rng.Next(), page);
            SwapId id = swap.Store(page);
            int freed = 0;
            string? wrong = null;
            Thread[] threads = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
            {
                var seen = new byte[page.Length];
                try
                {
                    if (swap.TryLoad(id, seen, out _) && !seen.AsSpan().SequenceEqual(page))
                        wrong = "other bytes were read";
                    swap.Free(id);
                    Interlocked.Increment(ref freed);
                }
                catch (KeyNotFoundException)
                {
                    // Another thread was first.
                }
                catch (Exception e)
                {
                    wrong = e.ToString();
                }
            }))];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                Assert.True(thread.Join(TimeSpan.FromMinutes(2)), "A thread hangs.");
            Assert.Null(wrong);
            Assert.Equal(1, freed);
        }

        working.IsWhole();
    });

    private void RefusesId(Pager pager, SwapId id) => Expect.NoPage(pager, id, _buffer);
}
