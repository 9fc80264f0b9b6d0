using System.Runtime.InteropServices;
using Paging.Benchmarks.Traces;
using Paging.Memory;
using Paging.Tests.Model;

namespace Paging.Tests.Memory;

/// <summary>What the replacement policy is for, on small traces: loops, shuffled epochs, scans, changes of phase, recency, and pages that
/// are touched many times in a row. The bounds are far from what it reaches, and farther from what LRU does.</summary>
public sealed unsafe class ReplacementTests
{
    private const int Frames = 256;

    [Theory]
    [InlineData(10)]
    [InlineData(30)]
    [InlineData(90)]
    public void A_loop_keeps_its_share(int percent)
    {
        int pages = Frames * 100 / percent;
        double ratio = HitRatio(pages, Enumerable.Range(0, 20).SelectMany(_ => Enumerable.Range(0, pages)));
        Assert.True(ratio > percent / 100.0 * 0.85, $"{ratio:P1} of a loop of {pages} pages over {Frames} frames");
    }

    [Theory]
    [InlineData(10)]
    [InlineData(30)]
    [InlineData(50)]
    public void Shuffled_epochs_keep_their_share(int percent)
    {
        ulong seed = Seeded.Next();
        var random = new Random((int)seed);
        int pages = Frames * 100 / percent;
        int[] epoch = [.. Enumerable.Range(0, pages)];
        double ratio = HitRatio(pages, Enumerable.Range(0, 20).SelectMany(_ =>
        {
            random.Shuffle(epoch);
            return epoch.ToArray();
        }));
        Assert.True(ratio > percent / 100.0 * 0.7, $"{ratio:P1} of shuffled epochs of {pages} pages over {Frames} frames, seed {seed}");
    }

    [Fact]
    public void A_scan_does_not_push_out_what_is_used()
    {
        int[] used = [.. Enumerable.Range(0, Frames / 2)];
        var accesses = new List<int>();
        for (int i = 0; i < 200; i++)
        {
            accesses.AddRange(used);
        }

        int before = accesses.Count;
        int scanned = 10 * Frames;
        for (int i = 0; i < scanned; i++)
        {
            accesses.Add(Frames + i);
            accesses.Add(used[i % used.Length]);
        }

        bool[] hits = Hits(Frames + scanned, accesses);
        int kept = hits.Skip(before).Count(static hit => hit);
        Assert.True(kept > scanned * 0.95, $"{kept:N0} of {scanned:N0} accesses to pages in use were hits during a scan");
    }

    [Fact]
    public void Recent_pages_are_kept_where_recency_rules()
    {
        // A window that moves: each page is used often, and never again. LRU holds all of it.
        ulong seed = Seeded.Next();
        var random = new Random((int)seed);
        int[] accesses = [.. Enumerable.Range(0, 60_000).Select(i => (i / 6) + random.Next(Frames / 2))];
        int pages = accesses.Max() + 1;
        double clock = HitRatio(new Clock(Frames, pages), accesses);
        double ours = HitRatio(pages, accesses);
        Assert.True(ours > clock - 0.03, $"{ours:P1}, and the clock {clock:P1}, seed {seed}");
    }

    [Fact]
    public void A_change_of_phase_is_followed()
    {
        // All frames are hot with pages that never come back; then a loop that does not fit.
        int pages = Frames * 2;
        IEnumerable<int> first = Enumerable.Range(0, 50).SelectMany(static _ => Enumerable.Range(0, Frames));
        int[] loop = [.. Enumerable.Range(0, 60).SelectMany(_ => Enumerable.Range(Frames, pages))];
        bool[] hits = Hits(Frames + pages, [.. first, .. loop]);
        int late = hits.TakeLast(20 * pages).Count(static hit => hit);
        Assert.True(late > 20 * pages * 0.4, $"{late:N0} hits in the last 20 rounds of a loop of {pages:N0} pages over {Frames:N0} frames");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Touching_a_page_many_times_in_a_row_is_as_touching_it_once(int threads)
    {
        // So many threads go through the same loop at once, each touching its page until the others have gone on.
        int pages = Frames * 3;
        IEnumerable<int> loop = Enumerable.Range(0, 20).SelectMany(_ => Enumerable.Range(0, pages));
        var accesses = new List<int>();
        var lately = new Queue<int>();
        foreach (int page in loop)
        {
            lately.Enqueue(page);
            if (lately.Count > threads)
            {
                lately.Dequeue();
            }

            accesses.Add(page);
            accesses.AddRange(lately);
            accesses.AddRange(lately);
        }

        bool[] hits = Hits(pages, accesses);
        double misses = hits.Count(static hit => !hit) / (20.0 * pages);
        Assert.True(misses < 0.75, $"{misses:P1} misses a page in a loop over three times the frames, {threads} threads");
    }

    [Fact]
    public void Every_filled_frame_is_in_a_ring_and_no_other_is_whatever_threads_do()
    {
        const int Threads = 4;
        const int Rounds = 60_000;
        ulong seed = Seeded.Next();
        nuint words = (nuint)Frames * sizeof(uint);
        byte* memory = (byte*)NativeMemory.AllocZeroed(words + (nuint)Replacement.RingBytes(Frames));
        try
        {
            var policy = new Replacement((uint*)memory, sizeof(uint), memory + words, Frames);
            int[] owners = new int[Frames];
            Crew.Run(Threads, thread =>
            {
                var random = new Random((int)seed + thread);
                for (int i = 0; i < Rounds; i++)
                {
                    int frame = random.Next(Frames);
                    switch (random.Next(8))
                    {
                        case 5 when Interlocked.CompareExchange(ref owners[frame], -1, 0) == 0:
                            policy.FillAhead(frame, random.Next(1, Frames));
                            Volatile.Write(ref owners[frame], 1);
                            break;
                        case 6 when policy.NextAhead() is >= 0 and long ahead:
                            policy.CheckAhead(ahead, random.Next(2) == 0, Frames);
                            break;
                        case 0 when Interlocked.CompareExchange(ref owners[frame], -1, 0) == 0:
                            // With less capacity than there are hot frames, one of them loses its place with each page that comes in.
                            policy.Fill(frame, random.Next(-1, 1 << Replacement.HistoryBits), random.Next(1, Frames), random.Next(2) == 0);
                            Volatile.Write(ref owners[frame], 1);
                            break;
                        case 1 when Interlocked.CompareExchange(ref owners[frame], -1, 1) == 1:
                            Assert.InRange(policy.HistoryOf(frame), 0, (1 << Replacement.HistoryBits) - 1);
                            policy.Remove(frame);
                            Volatile.Write(ref owners[frame], 0);
                            break;
                        case 2 when policy.NextVictim() is >= 0 and long victim:
                            policy.Spare(victim, Frames);
                            break;
                        case 3 or 4 when policy.NextHot() is >= 0 and long hot:
                            policy.Check(hot, random.Next(3) == 0, Frames);
                            break;
                    }
                }
            });

            // A thread that moves a frame from ring to ring may do so after the frame was given up; it is out again once it is used anew.
            for (int frame = 0; frame < Frames; frame++)
            {
                if (owners[frame] == 0)
                {
                    policy.Fill(frame, Replacement.None, Frames, isFull: true);
                    policy.Remove(frame);
                }
            }

            var found = new HashSet<long>();
            for (long i = 2 * Frames; i > 0; i--)
            {
                found.Add(policy.NextVictim());
            }

            for (long i = 2 * Frames; i > 0; i--)
            {
                found.Add(policy.NextHot());
                found.Add(policy.NextAhead());
            }

            found.Remove(Replacement.None);
            Assert.Equal(Enumerable.Range(0, Frames).Where(frame => owners[frame] == 1).Select(static frame => (long)frame), found.Order());
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private static double HitRatio(int pages, IEnumerable<int> accesses)
    {
        using var policy = new PagersOwn(Frames, pages);
        return HitRatio(policy, [.. accesses]);
    }

    private static double HitRatio(IReplacement policy, int[] accesses) => (double)accesses.Count(policy.Access) / accesses.Length;

    private static bool[] Hits(int pages, IReadOnlyList<int> accesses)
    {
        using var policy = new PagersOwn(Frames, pages);
        return [.. accesses.Select(policy.Access)];
    }
}
