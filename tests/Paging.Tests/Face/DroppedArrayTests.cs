using System.Runtime.CompilerServices;
using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>Arrays that are dropped without Dispose: whoever needs their room gets it, the collector hears of them, and it is not asked for
/// nothing.</summary>
[Collection(Alone.Name)]
public sealed class DroppedArrayTests
{
    private const int PageBytes = 4096;
    private const int ArrayBytes = 64 << 10;

    private static readonly PagerOptions s_options = new()
    {
        PageBytes = PageBytes,
        ResidentBytes = 16 * PageBytes,
        PoolBytes = 1 << 20,
        BackgroundThreads = 0,
    };

    private static readonly byte[] s_noise = Noise(ArrayBytes);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Arrays_dropped_one_after_another_never_fill_the_pool(int backgroundThreads)
    {
        using var pager = new Pager(s_options with { PoolBytes = 256 << 10, BackgroundThreads = backgroundThreads });
        for (int round = 0; round < 2000; round++)
        {
            Drop(pager, 4 * PageBytes);
        }

        // Frames and pool together hold twenty of them.
        Assert.InRange(Internals.Domain(pager).Dropped.TakenDown, 1900, 2000);
    }

    [Fact]
    public void Nor_a_swap_file()
    {
        using var pager = new Pager(s_options with { SwapFiles = [new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 1 << 20 }] });
        for (int round = 0; round < 300; round++)
        {
            Drop(pager);
        }
    }

    [Fact]
    public async Task Nor_pages_stored_by_id_nor_another_page_size_nor_the_removal_of_a_file()
    {
        using var pager = new Pager(s_options with { PoolBytes = 2 << 20 });
        DropUntil(pager, static dropped => dropped.TakenDown > 0);
        var kept = new List<SwapId>();
        for (int i = 0; i < 128; i++)
        {
            kept.Add(pager.Swap.Store(s_noise.AsSpan(i * 16, PageBytes)));
        }

        kept.ForEach(pager.Swap.Free);
        Fill(pager);
        using PagedArray<byte> larger = pager.Allocate<byte>(ArrayBytes, new PagedArrayOptions { PageBytes = 4 * PageBytes });
        larger.CopyFrom(0, s_noise);

        SwapFile file = pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 2 << 20 });
        Fill(pager);
        await pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Nor_the_frames()
    {
        // Constant pages take no pool, noise that fits the frames neither: it is frames that are short.
        using var pager = new Pager(s_options with { PoolBytes = 192 << 10 });
        for (int round = 0; round < 100; round++)
        {
            Drop(pager, 12 * PageBytes);
        }
    }

    [Fact]
    public void What_arrays_hold_is_told_to_the_collector_and_told_back()
    {
        var pager = new Pager(s_options);
        CollectorPressure pressure = Internals.Domain(pager).Pressure;
        using (PagedArray<byte> array = pager.Allocate<byte>(2 * ArrayBytes))
        {
            array[0] = 1;
            array[1] = 2;
            Assert.Equal(2 * ArrayBytes, pressure.ToldBytes);
        }

        PagedArray<byte> kept = pager.Allocate<byte>(64L << 20);
        for (long i = 0; i < kept.Length; i += 1 << 20)
        {
            kept[i] = 1;
        }

        Assert.Equal(s_options.ResidentBytes + s_options.PoolBytes, pressure.ToldBytes);
        kept.Dispose();
        Assert.InRange(pressure.ToldBytes, 0, (s_options.ResidentBytes + s_options.PoolBytes) / 16);
        Drop(pager);
        Leak(pager);

        // A lease that was dropped with its array is out until the array has been found.
        Figures.Collect();
        pager.Dispose();
        Figures.Collect();
        Assert.Equal(0, pressure.ToldBytes);
    }

    [Fact]
    public void It_is_told_back_when_the_pager_is_dropped_too()
    {
        CollectorPressure pressure = DropPager();
        Figures.Collect();
        Assert.Equal(0, pressure.ToldBytes);
    }

    [Fact]
    public void A_program_that_runs_into_full_again_and_again_is_not_collected_each_time()
    {
        var clock = new ManualClock();
        using var pager = new Pager(s_options, new PagerTuning { Time = clock });
        var kept = new List<PagedArray<byte>>();
        FillAndKeep(pager, kept);
        Assert.Throws<OutOfPagingSpaceException>(() => StoreUntilFull(pager));
        DroppedArrays dropped = Internals.Domain(pager).Dropped;
        for (int i = 0; i < 100; i++)
        {
            Assert.Throws<OutOfPagingSpaceException>(() => pager.Swap.Store(s_noise.AsSpan(0, PageBytes)));
        }

        // Three in a row, and no more while nothing happens.
        long before = dropped.Collections;
        Assert.InRange(before, 1, 4);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Throws<OutOfPagingSpaceException>(() => pager.Swap.Store(s_noise.AsSpan(0, PageBytes)));
        Assert.Equal(before + 1, dropped.Collections);
        kept.ForEach(static array => array.Dispose());
    }

    /// <summary>What a program does that is refused: it lets go of what it has, and begins anew at once.</summary>
    [Fact]
    public void Arrays_dropped_because_of_a_refusal_make_room_at_once()
    {
        using var pager = new Pager(s_options, new PagerTuning { Time = new ManualClock() });
        for (int round = 0; round < 5; round++)
        {
            Assert.InRange(CountUntilRefused(pager), 10, 20);
        }
    }

    [Fact]
    public void Without_arrays_there_is_nothing_to_collect()
    {
        using var pager = new Pager(s_options);
        Assert.Throws<OutOfPagingSpaceException>(() => StoreUntilFull(pager));
        Assert.Equal(0, Internals.Domain(pager).Dropped.Collections);
    }

    [Fact]
    public void The_message_says_how_many_arrays_nobody_disposed()
    {
        using var pager = new Pager(s_options);
        DropUntil(pager, static dropped => dropped.TakenDown > 0);
        Figures.Collect();
        long takenDown = Internals.Domain(pager).Dropped.TakenDown;
        var kept = new List<PagedArray<byte>>();
        OutOfPagingSpaceException e = FillAndKeep(pager, kept);
        // The one that did not fit was not disposed yet.
        Assert.Contains($"{kept.Count + 1:N0} arrays are not disposed", e.Message, StringComparison.Ordinal);
        Assert.Contains($"{takenDown:N0} dropped without Dispose were taken down before", e.Message, StringComparison.Ordinal);
        kept.ForEach(static array => array.Dispose());
    }

    /// <summary>The finalizer of a program's own object waits for a lock that the thread has which runs into full.</summary>
    [Fact]
    public void A_finalizer_that_waits_for_the_caller_does_not_hang_it()
    {
        object held = new();
        using var running = new ManualResetEventSlim();
        using var pager = new Pager(s_options);
        lock (held)
        {
            MakeBlocker(held, running);
            GC.Collect();
            running.Wait(TestContext.Current.CancellationToken);
            Assert.Throws<OutOfPagingSpaceException>(() => DropUntil(pager, static _ => false));
        }

        // The finalizers run again, and all is well.
        GC.WaitForPendingFinalizers();
        for (int round = 0; round < 40; round++)
        {
            Drop(pager);
        }
    }

    [Fact]
    public void Threads_that_run_into_full_together_all_get_their_room()
    {
        using var pager = new Pager(s_options with { ResidentBytes = 64 * PageBytes, PoolBytes = 2 << 20 });
        Thread[] threads = new Thread[4];
        var thrown = new Exception?[threads.Length];
        for (int i = 0; i < threads.Length; i++)
        {
            int number = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    for (int round = 0; round < 60; round++)
                    {
                        Drop(pager);
                    }
                }
                catch (Exception e)
                {
                    thrown[number] = e;
                }
            });
            threads[i].Start();
        }

        Array.ForEach(threads, static thread => thread.Join());
        Assert.All(thrown, Assert.Null);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop(Pager pager, int bytes = ArrayBytes) => pager.From<byte>(s_noise.AsSpan(0, bytes));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe void Leak(Pager pager) => Internals.Region(pager.Allocate<byte>(PageBytes)).Pin(0, write: true, out _);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static CollectorPressure DropPager()
    {
        var pager = new Pager(s_options);
        for (int i = 0; i < 8; i++)
        {
            Drop(pager);
        }

        Assert.NotEqual(0, Internals.Domain(pager).Pressure.ToldBytes);
        return Internals.Domain(pager).Pressure;
    }

    private static void DropUntil(Pager pager, Func<DroppedArrays, bool> enough)
    {
        for (int round = 0; round < 1000 && !enough(Internals.Domain(pager).Dropped); round++)
        {
            Drop(pager);
        }
    }

    /// <summary>Drops as much as a pool takes.</summary>
    private static void Fill(Pager pager)
    {
        for (int i = 0; i < 25; i++)
        {
            Drop(pager);
        }
    }

    private static OutOfPagingSpaceException FillAndKeep(Pager pager, List<PagedArray<byte>> kept)
    {
        while (true)
        {
            try
            {
                kept.Add(pager.From<byte>(s_noise));
            }
            catch (OutOfPagingSpaceException e)
            {
                return e;
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CountUntilRefused(Pager pager)
    {
        var kept = new List<PagedArray<byte>>();
        FillAndKeep(pager, kept);
        return kept.Count;
    }

    private static void StoreUntilFull(Pager pager)
    {
        while (true)
        {
            pager.Swap.Store(s_noise.AsSpan(0, PageBytes));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MakeBlocker(object held, ManualResetEventSlim running) => _ = new Blocker(held, running);

    private static byte[] Noise(int bytes)
    {
        byte[] noise = new byte[bytes];
        Content.Write<byte>(ContentKind.Noise, 7, noise);
        return noise;
    }

    private sealed class Blocker(object held, ManualResetEventSlim running)
    {
        ~Blocker()
        {
            running.Set();
            lock (held)
            {
            }
        }
    }
}
