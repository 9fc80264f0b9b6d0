using System.Buffers;
using System.Runtime.CompilerServices;
using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Pins that belong to an object, and may be waited for without a thread.</summary>
[Collection(Alone.Name)]
public class PinAsyncTests
{
    private const int PageLength = 512;

    [Fact]
    public void A_page_in_memory_is_pinned_at_once()
    {
        using var held = new Held(60);
        held.Fill().PageOut();
        using PagedArray<long> untouched = held.Pager.Allocate<long>(5000);

        // In a frame, in the pool, and zeroes.
        foreach ((PagedArray<long> array, long start) in new[] { (held.Array, 59L * PageLength), (held.Array, 3), (untouched, 4999) })
        {
            using PageOwner<long> owner = Ahead.PinNow(array, start);
            Assert.Equal(Math.Min(PageLength - (start % PageLength), array.Length - start), owner.Memory.Length);
            Assert.Equal(array[start], owner.GetSpan()[0]);
            Assert.Equal(1, held.Statistics.Pins);
        }

        Assert.Equal(0, held.Statistics.Pins);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_page_in_a_file_is_read_by_another_thread(int threads)
    {
        using Held held = Stored.InFile(threads, out GatedDevice device);
        int first = Stored.FirstInFile(held, 6);
        using var goOn = new ManualResetEventSlim();
        device.BeforeRead(1, goOn.Wait);
        Task<PageOwner<long>> task = Ahead.Pin(held.Array, (first * PageLength) + 7);
        Assert.False(task.IsCompleted);
        goOn.Set();
        using (PageOwner<long> owner = await task)
        {
            Assert.Equal(PageLength - 7, owner.Memory.Length);
            Assert.Equal(held.Array[(first * PageLength) + 7], owner.Memory.Span[0]);
        }

        for (int page = first; page < first + 6; page++)
        {
            using PageOwner<long> next = await Ahead.Pin(held.Array, page * (long)PageLength);
            held.Verify(page);
        }

        held.AssertWithinBudgets();
    }

    /// <summary>A thread that blocks for a pin is woken when it is complete: by the thread that completes it, not by one of the thread
    /// pool, all of whose threads may be blocked for pins.</summary>
    [Fact]
    public async Task Who_blocks_for_a_pin_needs_no_other_thread_of_the_pool()
    {
        using Held held = Stored.InFile(1, out GatedDevice device);
        int first = Stored.FirstInFile(held, 6);
        for (int page = first; page < first + 6; page++)
        {
            using var goOn = new ManualResetEventSlim();
            device.BeforeRead(1, goOn.Wait);
#pragma warning disable CA2012 // It is looked at, and awaited once.
            ValueTask<PageOwner<long>> pin = held.Array.PinAsync(page * (long)PageLength, cancellationToken: TestContext.Current.CancellationToken);
            Task<PageOwner<long>> blocking = pin.AsTask();
            goOn.Set();
            while (!pin.IsCompleted)
                Thread.Yield();
#pragma warning restore CA2012
            Assert.True(blocking.IsCompleted, $"page {page}");
            (await blocking).Dispose();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_is_written_through_an_owner_is_kept_and_others_see_it(int threads)
    {
        using Held held = Stored.InFile(threads, out _);
        int page = Stored.FirstInFile(held, 1);
        using (PageOwner<long> owner = await Ahead.Pin(held.Array, page * (long)PageLength, writable: true))
        {
            owner.GetSpan()[5] = 55;
            Assert.Equal(55, held.Array[(page * (long)PageLength) + 5]);
        }

        for (int other = 0; other < held.Pages; other++)
        {
            if (other != page)
                held.Verify(other);
        }

        Assert.Equal(55, held.Array[(page * (long)PageLength) + 5]);
    }

    [Fact]
    public async Task An_owner_crosses_threads_and_counts_for_none_of_them()
    {
        using var working = new Working();
        PageOwner<int>[] owners = new PageOwner<int>[8];
        for (int i = 0; i < owners.Length; i++)
            owners[i] = await Ahead.Pin(working.Array, i * 1024L);
        Assert.Equal(owners.Length, working.Pager.GetStatistics().Pins);
        Assert.False(Internals.Domain(working.Pager).HoldsLeases);
        bool heldThere = true;
        var thread = new Thread(() =>
        {
            Array.ForEach(owners, static owner => owner.Dispose());
            heldThere = LeaseCounts.OfThisThread(Internals.Domain(working.Pager).LeaseSlot) != 0;
        });
        thread.Start();
        thread.Join();
        Assert.False(heldThere);
        Assert.Equal(0, LeaseCounts.OfThisThread(Internals.Domain(working.Pager).LeaseSlot));
        working.IsWhole();
    }

    [Fact]
    public async Task Owners_of_watched_pages_are_counted_too()
    {
        using var pager = new Pager(new PagerOptions { PageBytes = 4096, ResidentBytes = 256 * 4096, PoolBytes = 8 << 20, BackgroundThreads = 0 });
        using PagedArray<int> array = pager.Allocate<int>(100 * 1024);
        array.Fill(0, array.Length, 3);
        using (ReadLease<int> lease = array.Read(0))
            Assert.Equal(1, pager.GetStatistics().Pins);
        PageOwner<int> one = await Ahead.Pin(array, 0), two = await Ahead.Pin(array, 0), three = await Ahead.Pin(array, 50 * 1024);
        Assert.Equal(3, pager.GetStatistics().Pins);
        two.Dispose();
        one.Dispose();
        three.Dispose();
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Fact]
    public async Task Disposing_twice_is_harmless_and_use_afterwards_is_refused()
    {
        using var working = new Working();
        PageOwner<int> owner = await Ahead.Pin(working.Array, 5, writable: true), other = await Ahead.Pin(working.Array, 5);
        Memory<int> memory = owner.Memory;
        owner.Dispose();
        owner.Dispose();
        ((IDisposable)owner).Dispose();
        Assert.Equal(1, working.Pager.GetStatistics().Pins);
        Assert.Throws<ObjectDisposedException>(() => owner.GetSpan());
        Assert.Throws<ObjectDisposedException>(() => owner.Memory);
        Assert.Throws<ObjectDisposedException>(() => memory.Span[0]);
        Assert.Throws<ObjectDisposedException>(() => owner.Pin());
        Assert.Throws<ObjectDisposedException>(() => memory.Pin());
        Assert.Throws<InvalidOperationException>(owner.Unpin);
        other.Dispose();
        working.IsWhole();
    }

    [Fact]
    public async Task A_handle_keeps_the_page_pinned_beyond_its_owner()
    {
        using var working = new Working();
        PageOwner<int> owner = await Ahead.Pin(working.Array, 1000);
        MemoryHandle one = owner.Pin(), two = owner.Memory[3..].Pin();
        Check(one, two, working.Array[1000], working.Array[1003]);
        Expect.Figure(24, Assert.Throws<ArgumentOutOfRangeException>(() => owner.Pin(25)).Message);
        one.Dispose();
        owner.Dispose();
        Assert.Equal(1, working.Pager.GetStatistics().Pins);
        Assert.Throws<InvalidOperationException>(working.Array.Dispose);
        two.Dispose();
        Assert.Equal(0, working.Pager.GetStatistics().Pins);
        working.IsWhole();

        static unsafe void Check(in MemoryHandle one, in MemoryHandle two, int first, int fourth)
        {
            Assert.Equal((first, fourth), (*(int*)one.Pointer, *(int*)two.Pointer));
            Assert.Equal((nint)one.Pointer + 12, (nint)two.Pointer);
        }
    }

    [Fact]
    public async Task Neither_array_nor_pager_is_disposed_with_owners_out_and_both_say_how_many()
    {
        using var working = new Working();
        PageOwner<int> one = await Ahead.Pin(working.Array, 0), two = await Ahead.Pin(working.Array, 9000);
        Expect.Figure(2, Assert.Throws<InvalidOperationException>(working.Array.Dispose).Message);
        Expect.Figure(2, Assert.Throws<InvalidOperationException>(working.Pager.Dispose).Message);
        one.Dispose();
        two.Dispose();
        working.IsWhole();
    }

    [Fact]
    public void Bad_arguments_are_refused_at_once_with_the_figures()
    {
        var working = new Working();
        foreach (long start in new[] { -1, working.Array.Length, long.MaxValue })
            Expect.Figure(working.Array.Length, Assert.Throws<ArgumentOutOfRangeException>(() => { _ = Ahead.Pin(working.Array, start); }).Message);
        working.IsWhole();
        working.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = Ahead.Pin(working.Array, 0); });
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_pins_nothing()
    {
        using var working = new Working();
        var token = new CancellationToken(canceled: true);
        Task<PageOwner<int>> task = Ahead.PinUntil(working.Array, 0, token);
        Assert.True(task.IsCanceled);
        Assert.Equal(token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task)).CancellationToken);
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task One_that_is_cancelled_while_it_is_queued_or_read_pins_nothing(int threads)
    {
        using Held held = Stored.InFile(threads, out GatedDevice device);
        int first = Stored.FirstInFile(held, 4);
        using var isReading = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        using var cancellation = new CancellationTokenSource();
        device.BeforeRead(1, () =>
        {
            isReading.Set();
            goOn.Wait();
        });
        Task<PageOwner<long>>[] tasks =
            [.. Enumerable.Range(first, 4).Select(page => Ahead.PinUntil(held.Array, page * (long)PageLength, cancellation.Token))];
        isReading.Wait(TestContext.Current.CancellationToken);
        cancellation.Cancel();
        goOn.Set();
        foreach (Task<PageOwner<long>> task in tasks)
        {
            // With threads of the pool some may have been pinned by then.
            try
            {
                (await task).Dispose();
                Assert.Equal(0, threads);
            }
            catch (OperationCanceledException e)
            {
                Assert.Equal(cancellation.Token, e.CancellationToken);
            }
        }

        Assert.True(tasks[0].IsCanceled);
        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task One_that_is_queued_when_the_array_or_the_pager_is_disposed_says_so(int threads)
    {
        Held held = Stored.InFile(threads, out GatedDevice device);
        int first = Stored.FirstInFile(held, 5);
        using var isReading = new ManualResetEventSlim();
        device.BeforeRead(1, () =>
        {
            isReading.Set();
            SpinWait.SpinUntil(() => Internals.Domain(held.Pager).IsClosed);
        });
        Task<PageOwner<long>>[] tasks = [.. Enumerable.Range(first, 5).Select(page => Ahead.Pin(held.Array, page * (long)PageLength))];
        isReading.Wait(TestContext.Current.CancellationToken);

        // Pins of those that other threads of the pool have been through with may be out.
        while (!Internals.Domain(held.Pager).IsClosed)
        {
            try
            {
                held.Dispose();
            }
            catch (InvalidOperationException)
            {
                foreach (Task<PageOwner<long>> task in tasks.Where(static task => task.IsCompletedSuccessfully))
                    (await task).Dispose();
            }
        }

        Assert.IsType<ObjectDisposedException>((await Record.ExceptionAsync(() => tasks[0])));
        foreach (Task<PageOwner<long>> task in tasks)
        {
            Exception? failure = await Record.ExceptionAsync(() => task);
            Assert.True(failure is null or ObjectDisposedException);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task With_every_frame_pinned_it_is_refused_with_the_figures(int threads)
    {
        using var held = new Held(60, threads);
        held.Fill().PageOut();
        var owners = new List<PageOwner<long>>();
        for (int page = 0; page < Held.Frames; page++)
            owners.Add(await Ahead.Pin(held.Array, page * (long)PageLength));
        var refusal = await Assert.ThrowsAsync<OutOfPagingSpaceException>(() => Ahead.Pin(held.Array, 40L * PageLength));
        Expect.Figure(Held.Frames, refusal.Message);
        Expect.Figures(refusal, held.Pager);
        owners[3].Dispose();
        using (PageOwner<long> owner = await Ahead.Pin(held.Array, 40L * PageLength))
            Assert.Equal(held.Array[40 * PageLength], owner.GetSpan()[0]);
        owners.ForEach(static owner => owner.Dispose());
        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    [Fact]
    public async Task A_damaged_page_is_an_exception_of_the_task_and_leaves_nothing_pinned()
    {
        using var held = new Held(60);
        held.Fill().PageOut();
        Damage.FlipBodyBit(held.Store, PageWord.Stored(Internals.Pages(held.Array).Region.Load(2)), 100);
        Task<PageOwner<long>> task = Ahead.Pin(held.Array, 2 * PageLength);
        Held.AssertNames(await Assert.ThrowsAsync<PageCorruptedException>(() => task), 2, inFile: false);
        Assert.Equal(0, held.Statistics.Pins);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_damaged_page_in_a_file_is_too(int threads)
    {
        using var held = new Held(600, threads);
        var device = new MemoryDevice(Held.FileBytes);
        held.AddDevice(device);
        held.Fill().PageOut();
        held.AwaitWrites();
        int page = Stored.FirstInFile(held, 1);
        device.Medium.Fill(0xEE);
        Held.AssertNames(await Assert.ThrowsAsync<PageCorruptedException>(() => Ahead.Pin(held.Array, page * (long)PageLength)), page);
        Assert.Equal(0, held.Statistics.Pins);
    }

    [Fact]
    public void One_that_is_dropped_unused_gives_its_page_back()
    {
        using var working = new Working();
        Drop(working.Array);
        for (int i = 0; i < 3 && working.Pager.GetStatistics().Pins != 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        working.IsWhole();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Drop(PagedArray<int> array)
        {
            for (int i = 0; i < 5; i++)
                Assert.Equal(1024, Ahead.PinNow(array, i * 1024).Memory.Length);
        }
    }

    [Fact]
    public void One_whose_span_was_taken_and_dropped_keeps_its_page_pinned()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(1024);
        array[7] = 77;
        Span<int> span = Drop(array);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        working.IsWholeBut(pins: 1);
        Assert.Equal(77, span[7]);
        Assert.Throws<InvalidOperationException>(array.Dispose);

        // As a lease that is copied would be: so that the pager can end.
        unsafe
        {
            PagedRegion region = Region(array);
            region.UnpinForOwner(region.Find(0), isCounted: true);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static Span<int> Drop(PagedArray<int> array) => Ahead.PinNow(array, 0, writable: true).GetSpan();
    }

    [Fact]
    public void An_owner_keeps_its_pager_alive()
    {
        PageOwner<int> owner = Take();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        owner.GetSpan().Fill(6);
        Assert.Equal(-1, owner.GetSpan().IndexOfAnyExcept(6));
        owner.Dispose();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static PageOwner<int> Take()
        {
            var pager = new Pager(new PagerOptions { ResidentBytes = 1 << 20, PoolBytes = 4 << 20 });
            return Ahead.PinNow(pager.Allocate<int>(100_000), 0, writable: true);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pages")]
    private static extern ref PageAccessor Pages(PagedArray<int> array);

    private static PagedRegion Region(PagedArray<int> array) => Pages(array).Region;
}
