using System.Text;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Face;

/// <summary>When the frames are pinned or the pool is full: an exception with figures, everything stored stays readable, and after
/// something is given up all goes on.</summary>
public class FullTests
{
    private const int PageBytes = 16 << 10;
    private const int Frames = 24;
    private const int PoolBytes = 4 << 20;
    private const int PoolPages = PoolBytes / PageBytes;

    private static readonly TimeSpan s_hung = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public void With_every_frame_pinned_the_next_lease_is_refused_and_the_others_stay_whole(int backgroundThreads, bool writes)
    {
        using Pager pager = Make(backgroundThreads);
        using PagedArray<long> array = pager.Allocate<long>(4L * Frames * PageBytes / sizeof(long));
        for (long i = 0; i < array.Length; i++)
            array[i] = i;

        int pinned = 0;
        OutOfPagingSpaceException refused = Pin(0);
        Assert.InRange(pinned, Frames - 4, Frames);    // some implementations keep a few back
        Expect.Figures(refused, pager);
        Assert.Equal(pinned, refused.Statistics.Pins);
        Assert.Contains("pinned", refused.Message, StringComparison.OrdinalIgnoreCase);
        Expect.Figure(pager.Options.ResidentBytes, refused.Message);

        Assert.Equal(0, pager.GetStatistics().Pins);
        for (long i = 0; i < array.Length; i++)
            Assert.Equal(i, array[i]);
        array.Fill(0, array.Length, 5);
        Assert.Equal(5, array[array.Length - 1]);

        // Each lease lives in a frame of its own, as a ref struct must.
        OutOfPagingSpaceException Pin(long page)
        {
            long start = page * array.PageLength;
            try
            {
                if (writes)
                {
                    using WriteLease<long> lease = array.Write(start);
                    return Deeper(lease.Span);
                }
                else
                {
                    using ReadLease<long> lease = array.Read(start);
                    return Deeper(lease.Span);
                }
            }
            catch (OutOfPagingSpaceException e) when (pinned == page)
            {
                return e;
            }

            OutOfPagingSpaceException Deeper(ReadOnlySpan<long> span)
            {
                pinned++;
                OutOfPagingSpaceException e = Pin(page + 1);
                for (int i = 0; i < span.Length; i++)
                {
                    if (span[i] != start + i)
                        Assert.Fail($"Element {start + i} is {span[i]} under its lease.");
                }

                Assert.Equal(start, array[start]);
                return e;
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_pool_full_of_noise_refuses_writes_keeps_every_byte_and_goes_on_after_a_discard(int backgroundThreads)
    {
        using Pager pager = Make(backgroundThreads);
        using var noise = new NoisePages(pager, 2 * PoolPages);
        Expect.Figures(noise.WriteUntilRefused(0), pager);
        Assert.InRange(noise.Count, PoolPages / 2, PoolPages + Frames);
        for (int round = 0; round < 3; round++)
        {
            noise.Verify();
            noise.Verify();
            noise.DiscardOdd();
            for (long page = 0; page < PoolPages / 5; page++)
                noise.Write(2 * page + 1);    // there is room for these
            noise.Verify();
            Expect.Figures(noise.WriteUntilRefused(PoolPages / 2), pager);
        }
    }

    [Fact]
    public void The_message_of_a_full_pool_names_it_with_its_figure()
    {
        using Pager pager = Make(backgroundThreads: 0);
        using var noise = new NoisePages(pager, 2 * PoolPages);
        string message = noise.WriteUntilRefused(0).Message;
        Assert.Contains("pool", message, StringComparison.OrdinalIgnoreCase);
        Expect.Figure(PoolBytes, message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Disposing_one_array_makes_room_for_another(int backgroundThreads)
    {
        using Pager pager = Make(backgroundThreads);
        using var kept = new NoisePages(pager, PoolPages / 4, salt: 1);
        for (long page = 0; page < PoolPages / 4; page++)
            kept.Write(page);
        for (int round = 0; round < 5; round++)
        {
            using var noise = new NoisePages(pager, 2 * PoolPages, salt: 2);
            noise.WriteUntilRefused(0);
            Assert.InRange(noise.Count, PoolPages / 4, PoolPages);
            noise.Verify();
            kept.Verify();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Pages_stored_by_id_fill_the_pool_stay_readable_and_make_room_when_freed(int backgroundThreads)
    {
        using Pager pager = Make(backgroundThreads);
        using var kept = new NoisePages(pager, PoolPages / 4);
        for (long page = 0; page < PoolPages / 4; page++)
            kept.Write(page);
        List<(SwapId Id, ulong Salt)> stored = [];
        ulong salt = 100;
        var bytes = new byte[PageBytes - 1000];
        var seen = new byte[bytes.Length];
        for (int round = 0; round < 4; round++)
        {
            Expect.Figures(StoreUntilRefused(), pager);
            Assert.InRange(stored.Count, PoolPages / 4, PoolPages);
            Verify();
            kept.Verify();
            foreach ((SwapId id, _) in stored[(stored.Count / 2)..])
                pager.Swap.Free(id);
            stored.RemoveRange(stored.Count / 2, stored.Count - stored.Count / 2);
            kept.Write(round);
        }

        Verify();
        kept.Verify();

        OutOfPagingSpaceException StoreUntilRefused()
        {
            while (true)
            {
                Content.Write<byte>(ContentKind.Noise, ++salt, bytes);
                try
                {
                    stored.Add((pager.Swap.Store(bytes), salt));
                }
                catch (OutOfPagingSpaceException e)
                {
                    return e;
                }
            }
        }

        void Verify()
        {
            foreach ((SwapId id, ulong saltOfPage) in stored)
            {
                Content.Write<byte>(ContentKind.Noise, saltOfPage, bytes);
                Assert.Equal(bytes.Length, pager.Swap.Load(id, seen));
                Assert.Equal(-1, Content.FirstDifference<byte>(bytes, seen));
            }
        }
    }

    [Fact]
    public void Whole_pages_of_a_full_pool_can_be_discarded_and_overwritten_with_zeroes()
    {
        using Pager pager = Make(backgroundThreads: 0);
        using var noise = new NoisePages(pager, 2 * PoolPages);
        noise.WriteUntilRefused(0);
        long length = noise.Array.PageLength;
        for (long page = 0; page < noise.Array.PageCount; page++)
            noise.Discard(page);
        noise.Verify();
        Settled.Empty(pager);
        noise.Array.Fill(0, noise.Array.Length, 77);    // a pattern, whatever its length
        Assert.Equal(77, noise.Array[length * PoolPages]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Eight_threads_at_a_full_pool_do_not_hang_and_lose_nothing(int backgroundThreads) => Seeded.Run(seed =>
    {
        const int Threads = 8;
        using Pager pager = Make(backgroundThreads);
        string?[] wrong = new string?[Threads];
        long[] refusals = new long[Threads], steps = new long[Threads];

        // Two and a half pools together, kept until the last thread has ended.
        NoisePages[] arrays = [.. Enumerable.Range(0, Threads).Select(i => new NoisePages(pager, PoolPages / 3, (ulong)i))];
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(i => new Thread(() =>
        {
            try
            {
                var rng = new Rng(seed + (ulong)i);
                NoisePages noise = arrays[i];
                for (int step = 0; step < 400; step++)
                {
                    long page = rng.Next(noise.Array.PageCount);
                    try
                    {
                        noise.Write(page);
                    }
                    catch (OutOfPagingSpaceException)
                    {
                        refusals[i]++;
                        noise.Discard(page);
                        if (step % 8 == 0)
                            noise.VerifyWritten();
                        if (rng.Chance(20))
                            noise.DiscardOdd();
                    }

                    Volatile.Write(ref steps[i], step);
                }

                noise.Verify();
            }
            catch (Exception e)
            {
                wrong[i] = e.ToString();
            }
        })
        { IsBackground = true })];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            Assert.True(thread.Join(s_hung), Dump(pager, steps, refusals));
        Assert.All(wrong, Assert.Null);
        Assert.True(refusals.Sum() > 0, "The pool was never full.");
        Assert.All(arrays, noise =>
        {
            noise.Verify();
            noise.Dispose();
        });
        Settled.Empty(pager);
    });

    private static Pager Make(int backgroundThreads) => new(new PagerOptions
    {
        ResidentBytes = Frames * PageBytes,
        PoolBytes = PoolBytes,
        PageBytes = PageBytes,
        BackgroundThreads = backgroundThreads,
    });

    private static string Dump(Pager pager, long[] steps, long[] refusals) => new StringBuilder("A thread hangs. ")
        .Append("Steps: ").AppendJoin(' ', steps).Append("; refused: ").AppendJoin(' ', refusals)
        .Append("; ").Append(pager.GetStatistics()).ToString();
}
