using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Ranges that are brought in ahead of their use.</summary>
public class PrefetchTests
{
    private const int PageLength = 512;
    private const int Half = Held.Frames / 2;

    public static TheoryData<int, bool> Pagers => new() { { 0, false }, { 1, false }, { 2, false }, { 0, true }, { 1, true }, { 2, true } };

    [Theory]
    [MemberData(nameof(Pagers))]
    public async Task A_range_is_resident_when_it_is_complete(int threads, bool withFile)
    {
        using Held held = Make(threads, withFile);
        for (int first = 0; first + Half <= held.Pages; first += 29)
        {
            await Ahead.Prefetch(held.Array, (first * PageLength) + 500, ((Half - 1) * PageLength) + 12);
            for (int page = first; page < first + Half; page++)
                Assert.Equal(PageState.Resident, State(held, page));
            long faults = held.Statistics.Faults;
            for (int page = first; page < first + Half; page++)
                held.Verify(page);
            Assert.Equal(faults, held.Statistics.Faults);
        }

        held.AssertWithinBudgets();
        Assert.InRange(held.Statistics.PrefetchedPages, Half, held.Statistics.Faults);
        Assert.Equal(0, held.Statistics.PrefetchWasted);
        held.VerifyAll();
    }

    [Theory]
    [MemberData(nameof(Pagers))]
    public async Task A_range_larger_than_the_frames_is_brought_in_from_its_beginning_up_to_half_of_them(int threads, bool withFile)
    {
        using Held held = Make(threads, withFile);
        await Ahead.Prefetch(held.Array, 10 * PageLength, held.Array.Length - (10 * PageLength));
        Assert.Equal(Half, held.Statistics.PrefetchedPages);
        for (int page = 10; page < 10 + Half; page++)
            Assert.Equal(PageState.Resident, State(held, page));
        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    /// <summary>As for a pin: see <see cref="PinAsyncTests.Who_blocks_for_a_pin_needs_no_other_thread_of_the_pool"/>.</summary>
    [Fact]
    public async Task Who_blocks_for_a_prefetch_needs_no_other_thread_of_the_pool()
    {
        using Held held = Make(threads: 1, withFile: true);
        for (int first = 0; first + Half <= held.Pages; first += 29)
        {
#pragma warning disable CA2012 // It is looked at, and awaited once.
            ValueTask prefetch = held.Array.PrefetchAsync(
                first * PageLength, Half * PageLength, TestContext.Current.CancellationToken);
            Task blocking = prefetch.AsTask();
            while (!prefetch.IsCompleted)
                Thread.Yield();
#pragma warning restore CA2012
            Assert.True(blocking.IsCompleted, $"page {first}");
            await blocking;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Untouched_pages_take_no_frame_however_many_they_are(int threads)
    {
        using var working = new Working(threads);
        working.Array.Advise(0, working.Array.Length, PageAdvice.Random);
        using PagedArray<int> array = working.Pager.Allocate<int>(1L << 38);
        array[(1L << 37) + 5] = 6;
        array[(1L << 38) - 1] = 7;
        for (long i = 0; i < working.Array.Length; i += working.Array.PageLength)
            working.Array[i] = working.Array[i];
        long faults = working.Pager.GetStatistics().Faults;
        await Ahead.Prefetch(array, 0, array.Length);
        PagerStatistics now = working.Pager.GetStatistics();
        Assert.Equal((2, 2), (now.PrefetchedPages, now.Faults - faults));
        Assert.Equal((0, 6, 7), (array[0], array[(1L << 37) + 5], array[(1L << 38) - 1]));
        Assert.Equal(2, working.Pager.GetStatistics().PrefetchedPages);
    }

    [Fact]
    public void A_range_that_is_there_already_completes_at_once()
    {
        using var held = new Held(60);
        held.Fill().PageOut();
        for (int page = 0; page < 4; page++)
            held.Verify(page);
        Assert.True(Ahead.Prefetch(held.Array, 0, 4 * PageLength).IsCompletedSuccessfully);
        Assert.True(Ahead.Prefetch(held.Array, 5, 0).IsCompletedSuccessfully);
        Assert.True(Ahead.Prefetch(held.Array, held.Array.Length, 0).IsCompletedSuccessfully);
        Assert.Equal(0, held.Statistics.PrefetchedPages);
    }

    [Fact]
    public async Task What_was_brought_in_is_not_the_next_victim_and_counts_as_wasted_if_nobody_uses_it()
    {
        using var held = new Held(100);
        held.Fill().PageOut();
        await Ahead.Prefetch(held.Array, 0, 4 * PageLength);

        // As many faults as there are other frames.
        for (int page = 50; page < 50 + Held.Frames - 4; page++)
            held.Verify(page);
        for (int page = 0; page < 4; page++)
            Assert.Equal(PageState.Resident, State(held, page));
        held.Verify(0);
        Assert.Equal((4, 0), (held.Statistics.PrefetchedPages, held.Statistics.PrefetchWasted));
        for (int page = 20; page < 60; page++)
            held.Verify(page);
        Assert.Equal((4, 3), (held.Statistics.PrefetchedPages, held.Statistics.PrefetchWasted));
    }

    [Fact]
    public async Task Rows_of_a_matrix_are_brought_in_with_their_pages()
    {
        using var working = new Working();
        using PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(100, 300);
        matrix.Fill(0, 100, 5);
        working.IsWhole();
        await Ahead.PrefetchRows(matrix, 10, 12);
        PagerStatistics before = working.Pager.GetStatistics();

        // Three rows a page: those of rows 9 to 23.
        Assert.Equal(5, before.PrefetchedPages);
        for (int row = 9; row < 24; row++)
            Assert.Equal(5, matrix[row, 299]);
        Assert.Equal(before.Faults, working.Pager.GetStatistics().Faults);
        Assert.Equal(-1L, (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Ahead.PrefetchRows(matrix, -1, 1))).ActualValue);
        Assert.Equal(2L, (await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Ahead.PrefetchRows(matrix, 99, 2))).ActualValue);
        Assert.True(Ahead.PrefetchRows(matrix, 100, 0).IsCompletedSuccessfully);
    }

    [Fact]
    public void A_range_outside_the_array_is_refused_with_the_figures_at_once()
    {
        using var held = new Held(20);
        foreach ((long start, long length) in
            new[] { (-1L, 1L), (0, held.Array.Length + 1), (held.Array.Length, 1), (5, -1), (long.MaxValue, long.MaxValue) })
            Expect.Figure(
                held.Array.Length, Assert.Throws<ArgumentOutOfRangeException>(() => { _ = Ahead.Prefetch(held.Array, start, length); }).Message);
    }

    [Fact]
    public void A_disposed_array_is_refused_at_once()
    {
        var held = new Held(20);
        PagedArray<int> array = held.Pager.Allocate<int>(1000);
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = Ahead.Prefetch(array, 0, 1000); });
        held.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = Ahead.Prefetch(held.Array, 0, 1000); });
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_brings_nothing_in()
    {
        using var held = new Held(60);
        held.Fill().PageOut();
        var token = new CancellationToken(canceled: true);
        foreach (long length in new[] { 0, held.Array.Length })
        {
            Task task = Ahead.PrefetchUntil(held.Array, 0, length, token);
            Assert.True(task.IsCanceled);
            Assert.Equal(token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task)).CancellationToken);
        }

        Assert.Equal(0, held.Statistics.PrefetchedPages);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Cancelled_half_way_it_leaves_the_rest_where_it_is(int threads)
    {
        using Held held = Stored.InFile(threads, out GatedDevice device);
        using var cancellation = new CancellationTokenSource();
        device.BeforeRead(1, cancellation.Cancel);
        int first = Stored.FirstInFile(held, 6);
        long before = held.Statistics.FaultsFromFile;
        Task task = Ahead.PrefetchUntil(held.Array, first * PageLength, 6 * PageLength, cancellation.Token);
        Assert.Equal(cancellation.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task)).CancellationToken);

        // Reads of all of them may have begun. Each thread may have had a page in hand, and nobody brings in the others any more.
        long prefetched = held.Statistics.PrefetchedPages;
        Assert.InRange(prefetched, 0, 5);
        Assert.Equal(before + prefetched, held.Statistics.FaultsFromFile);
        held.AssertWithinBudgets();
        held.VerifyAll();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task One_that_is_queued_behind_another_can_be_cancelled_meanwhile(int threads)
    {
        using Held held = Stored.InFile(threads, out GatedDevice device);
        using var isReading = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        device.BeforeRead(1, () =>
        {
            isReading.Set();
            goOn.Wait();
        });
        int first = Stored.FirstInFile(held, 12);
        Task before = Ahead.Prefetch(held.Array, first * PageLength, 4 * PageLength);
        isReading.Wait(TestContext.Current.CancellationToken);
        using var cancellation = new CancellationTokenSource();
        Task queued = Ahead.PrefetchUntil(held.Array, (first + 4) * PageLength, 1, cancellation.Token);
        if (threads == 1)
        {
            // The only thread is in the device: the second one has not been begun.
            cancellation.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queued);
            Assert.NotEqual(PageState.Resident, State(held, first + 4));
        }
        else
        {
            await queued;
            Assert.Equal(PageState.Resident, State(held, first + 4));
        }

        Assert.False(before.IsCompleted);
        goOn.Set();
        await before;
        held.VerifyAll();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Disposing_the_array_ends_it(int threads)
    {
        using Held held = Stored.InFile(threads, out GatedDevice device);
        int first = Stored.FirstInFile(held, 8);
        Task disposing = Task.CompletedTask;
        device.BeforeRead(1, () => disposing = DisposeUntilClosed(held));
        await Ahead.Prefetch(held.Array, first * PageLength, 8 * PageLength);
        await disposing;
        Assert.Throws<ObjectDisposedException>(() => held.Array[0]);
        Assert.Equal((0, 0, 0), (held.Statistics.ResidentBytes, held.Statistics.FilePages, held.Statistics.Pins));

        static Task DisposeUntilClosed(Held held)
        {
            // It waits for the page whose read has just begun.
            Task task = Task.Run(held.Array.Dispose);
            SpinWait.SpinUntil(() => Internals.Pages(held.Array).Region.IsClosed);
            return task;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Disposing_the_pager_ends_those_at_work_and_those_that_are_queued(int threads)
    {
        Held held = Stored.InFile(threads, out GatedDevice device);
        using var isReading = new ManualResetEventSlim();
        int first = Stored.FirstInFile(held, 8);
        device.BeforeRead(1, () =>
        {
            isReading.Set();
            SpinWait.SpinUntil(() => Internals.Domain(held.Pager).IsClosed);
        });
        Task[] tasks = [.. Enumerable.Range(0, 8).Select(i => Ahead.Prefetch(held.Array, (first + i) * PageLength, 1))];
        isReading.Wait(TestContext.Current.CancellationToken);
        held.Dispose();
        await Task.WhenAll(tasks);
        Assert.Throws<ObjectDisposedException>(() => { _ = Ahead.Prefetch(held.Array, 0, 1); });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_pager_whose_frames_are_all_pinned_ends_it_early(int threads)
    {
        using var held = new Held(60, threads);
        held.Fill().PageOut();
        held.Array.Advise(0, held.Array.Length, PageAdvice.Random);
        Nest(0);
        held.VerifyAll();

        void Nest(int page)
        {
            using ReadLease<long> lease = held.Array.Read(page * (long)PageLength);
            if (page + 1 < Held.Frames)
            {
                Nest(page + 1);
                return;
            }

            Ahead.Prefetch(held.Array, 30 * PageLength, 20 * PageLength).Wait();
            Assert.Equal(0, held.Statistics.PrefetchedPages);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_damaged_page_does_not_keep_the_others_out_and_is_for_who_accesses_it(int threads)
    {
        using var held = new Held(60, threads);
        held.Fill().PageOut();
        Damage.FlipBodyBit(held.Store, PageWord.Stored(Internals.Pages(held.Array).Region.Load(12)), 100);
        await Ahead.Prefetch(held.Array, 10 * PageLength, 6 * PageLength);
        foreach (int page in new[] { 10, 11, 13, 14, 15 })
            Assert.Equal(PageState.Resident, State(held, page));
        Assert.Equal(PageState.Swapped, State(held, 12));
        Assert.Equal(0, held.Statistics.CorruptedPages);
        Held.AssertNames(Assert.Throws<PageCorruptedException>(() => held.Verify(12)), 12, inFile: false);
        Assert.Equal(1, held.Statistics.CorruptedPages);
    }

    [Fact]
    public async Task A_full_pool_ends_it_early_and_loses_nothing()
    {
        using var held = new Held(2000, 1);
        held.FillUntilRefused();
        for (int first = 0; first < 200; first += 7)
            await Ahead.Prefetch(held.Array, first * PageLength, 7 * PageLength);
        held.AssertWithinBudgets();
        for (int page = 0; page < 200; page++)
            held.Verify(page);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Nobody_but_the_continuation_has_to_keep_the_pager(int threads)
    {
        var done = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var goOn = new ManualResetEventSlim();
        Begin();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        goOn.Set();
        Assert.Equal(6, await done.Task);

        void Begin()
        {
            Held held = Stored.InFile(threads, out GatedDevice device);
            device.BeforeRead(1, goOn.Wait);
            _ = Run(held, Stored.FirstInFile(held, 6));
        }

        async Task Run(Held held, int first)
        {
            await Ahead.Prefetch(held.Array, first * PageLength, 6 * PageLength);
            done.SetResult(held.Statistics.PrefetchedPages);
        }
    }

    private static PageState State(Held held, int page) => PageWord.State(Internals.Pages(held.Array).Region.Load(page));

    private static Held Make(int threads, bool withFile)
    {
        var held = withFile ? new Held(600, threads, Held.File()) : new Held(150, threads);
        return held.Fill().PageOut();
    }
}
