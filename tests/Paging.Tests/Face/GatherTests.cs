using System.Runtime.CompilerServices;
using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Rows in the order asked, whatever is in frames, in the pool, in a file or untouched, and whoever else is at work.</summary>
public class GatherTests
{
    private const int Rows = 700;
    private const int Columns = 170;    // six rows of longs to a page of 8 KiB, and 32 bytes behind them

    /// <summary>Frames, background threads, and whether there is a file.</summary>
    public static TheoryData<int, int, bool> Pagers => new()
    {
        { 4, 0, false }, { 4, 1, false }, { 4, 2, true }, { 6, 0, true }, { 8, 1, true }, { 8, 2, false }, { 16, 0, false },
        { 16, 1, true }, { 16, 2, true }, { 16, 0, true },
        { 400, 1, false },
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 20, 19)]
    [InlineData(1, 3, 0)]
    [InlineData(2, 3, 0)]
    [InlineData(5, 1, 5)]
    public void Numbers_of_rows_that_would_be_written_over_are_refused(int at, int count, int to)
    {
        using Pager pager = Make(8, 0, false);
        using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(Rows, 1);
        matrix.Fill(0, Rows, 1L << 50);
        long[] memory = new long[60];
        Assert.Throws<ArgumentException>("destination", () => matrix.Gather(memory.AsSpan(at, count), memory.AsSpan(to)));
        Assert.All(memory, static element => Assert.Equal(0, element));

        // Beside one another they may lie, on either side.
        matrix.Gather(memory.AsSpan(20, 20), memory.AsSpan(40, 20));
        matrix.Gather(memory.AsSpan(20, 20), memory.AsSpan(0, 20));
        Assert.All(memory[..20], static element => Assert.Equal(1L << 50, element));
        Assert.All(memory[20..40], static element => Assert.Equal(0, element));
    }

    [Theory]
    [MemberData(nameof(Pagers))]
    public void Rows_come_as_they_are_in_an_array(int frames, int threads, bool withFile)
    {
        ulong seed = (ulong)((frames * 10) + threads);
        using Pager pager = Make(frames, threads, withFile);
        using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(Rows, Columns);
        var rng = new Rng(seed);
        long[][] model = [.. Enumerable.Range(0, Rows).Select(static _ => new long[Columns])];
        for (int round = 0; round < 60; round++)
        {
            // Some are never written, so that untouched pages and rows are among them.
            for (int i = 0; i < 60; i++)
                Write(matrix, model, rng.Next(Rows - 100), rng);

            int count = round % 10 == 0 ? 0 : (int)rng.Next(round % 7 == 0 ? 2000 : 40);
            int span = round % 3 == 0 ? 12 : Rows;
            long first = rng.Next(Rows - span + 1);
            long[] rows = [.. Enumerable.Range(0, count).Select(_ => first + rng.Next((long)span))];
            var destination = new long[(count * Columns) + 5];
            destination.AsSpan().Fill(-1);
            matrix.Gather(rows, destination);
            for (int i = 0; i < count; i++)
            {
                if (!model[rows[i]].AsSpan().SequenceEqual(destination.AsSpan(i * Columns, Columns)))
                    Assert.Fail($"Seed {seed}, round {round}: row {rows[i]} at {i} of {count} is not what was written.");
            }

            Assert.All(destination[(count * Columns)..], static value => Assert.Equal(-1, value));
            Assert.Equal(0, pager.GetStatistics().Pins);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_page_is_brought_in_once_however_many_rows_of_it_are_asked_for(int threads)
    {
        using Pager pager = Make(16, threads, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager);
        Evict(pager, matrix, 300);
        long before = pager.GetStatistics().Faults;
        long[] rows = [.. Enumerable.Range(0, 1000).Select(static i => (long)(i * 7 % 300))];
        var destination = new long[rows.Length * Columns];
        matrix.Gather(rows, destination);
        AssertFilled(rows, destination);

        // Pages are not pinned for it: now and then one goes before the thread that brought it in has copied its rows.
        Assert.InRange(pager.GetStatistics().Faults - before, 300 / matrix.RowsPerPage, (300 / matrix.RowsPerPage) + 4);
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Untouched_pages_are_zeroes_and_take_no_frame(int threads)
    {
        using Pager pager = Make(16, threads, withFile: false);
        using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(1L << 30, Columns);
        matrix[1L << 29, 3] = 5;
        PagerStatistics before = pager.GetStatistics();
        long[] rows = [0, (1L << 30) - 1, 1L << 29, 77, 1L << 28, 0];
        var destination = new long[rows.Length * Columns];
        destination.AsSpan().Fill(-1);
        matrix.Gather(rows, destination);
        Assert.Equal(5, destination[(2 * Columns) + 3]);
        Assert.Equal(5, destination.Sum());
        Assert.Equal((before.Faults, before.ResidentBytes), (pager.GetStatistics().Faults, pager.GetStatistics().ResidentBytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Pages_in_a_file_are_read_by_several_threads_at_once(int threads)
    {
        using Held held = Stored.InFile(threads, out GatedDevice device);
        using PagedMatrix<long> matrix = held.Pager.AllocateMatrix<long>(2000, 128);
        for (long row = 0; row < matrix.Rows; row++)
        {
            using WriteLease<long> lease = matrix.WriteRow(row);
            for (int column = 0; column < 128; column++)
                lease.Span[column] = Noise(row, column);
        }

        held.AwaitWrites();

        // The first read goes on when another thread has read some pages: alone it never would.
        long before = held.Statistics.FaultsFromFile;
        device.BeforeRead(1, () => SpinWait.SpinUntil(() => held.Statistics.FaultsFromFile >= before + 4));
        PagedRegion region = Internals.Pages(matrix).Region;
        long[] rows =
        [
            .. Enumerable.Range(0, (int)matrix.Rows / 4).Where(page => Stored.IsInFile(held, region, page)).Take(80).Select(static page => page * 4L)
        ];
        Assert.True(rows.Length > 60, $"{rows.Length} pages are in the file");
        var destination = new long[rows.Length * 128];
        matrix.Gather(rows, destination);
        for (int i = 0; i < destination.Length; i++)
            Assert.Equal(Noise(rows[i / 128], i % 128), destination[i]);

        static long Noise(long row, int column) => (long)RowPermutation.Absorb((ulong)row, (ulong)column);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Pages_in_an_encrypted_file_come_too(int threads)
    {
        using var held = new Held(600, threads, Held.File(encrypt: true));
        held.Fill();
        using PagedMatrix<long> matrix = held.Pager.AllocateMatrix<long>(2000, 128);
        for (long row = 0; row < matrix.Rows; row++)
        {
            using WriteLease<long> lease = matrix.WriteRow(row);
            lease.Span.Fill(row);
            lease.Span[5] = (long)RowPermutation.Absorb(1, (ulong)row);
        }

        held.Fill();
        held.AwaitWrites();
        long[] rows = [.. Enumerable.Range(0, 500).Select(static i => (long)(i * 387 % 2000))];
        var destination = new long[rows.Length * 128];
        PagerStatistics before = held.Statistics;
        matrix.Gather(rows, destination);
        Assert.True(held.Statistics.FaultsFromFile > before.FaultsFromFile && held.Statistics.BytesRead > before.BytesRead);
        for (int i = 0; i < rows.Length; i++)
        {
            Assert.Equal((rows[i], (long)RowPermutation.Absorb(1, (ulong)rows[i])), (destination[i * 128], destination[(i * 128) + 5]));
            Assert.Equal(rows[i], destination[(i * 128) + 127]);
        }

        held.VerifyAll();
        held.AssertWithinBudgets();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void The_destination_may_be_a_lease_on_the_matrix(int threads)
    {
        using Pager pager = Make(8, threads, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager);
        foreach (long from in new long[] { 0, 1, 6, 699 })
        {
            long expected = matrix[from, 7];
            using (WriteLease<long> lease = matrix.WriteRow(1))
            {
                matrix.Gather([from], lease.Span);
                Assert.Equal(expected, lease.Span[7]);
            }

            Assert.Equal((expected, expected), (matrix[1, 7], matrix[from, 7]));
        }

        using PagedArray<long> other = pager.Allocate<long>(5000);
        using (WriteLease<long> lease = other.Write(0))
        {
            matrix.Gather([300, 301, 302], lease.Span);
            AssertFilled([300, 301, 302], lease.Span[..(3 * Columns)]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_damaged_page_is_an_exception_for_that_page_and_the_others_can_be_had(int threads)
    {
        using Pager pager = Make(16, threads, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager, "rows");
        Evict(pager, matrix, 400);
        PagedRegion region = Internals.Pages(matrix).Region;
        foreach (int page in new[] { 20, 30 })
            Damage.FlipBodyBit(Internals.Domain(pager).Swap, PageWord.Stored(region.Load(page)), 100);
        long[] rows = [.. Enumerable.Range(0, 400).Select(static i => (long)(i * 37 % 400))];
        var destination = new long[rows.Length * Columns];
        for (int i = 0; i < 3; i++)
        {
            var e = Assert.Throws<PageCorruptedException>(() => matrix.Gather(rows, destination));
            Assert.Equal(("rows", 20), (e.ArrayName, e.PageIndex));
        }

        long[] others = [.. rows.Where(static row => row / 6 is not 20 and not 30)];
        matrix.Gather(others, destination);
        AssertFilled(others, destination.AsSpan(0, others.Length * Columns));
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_damaged_page_counts_once_whoever_meets_it(int threads)
    {
        using Pager pager = Make(16, threads, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager, "rows");
        Evict(pager, matrix, 400);
        PagedRegion region = Internals.Pages(matrix).Region;
        Damage.FlipBodyBit(Internals.Domain(pager).Swap, PageWord.Stored(region.Load(20)), 100);
        long[] rows = [.. Enumerable.Range(0, 400).Select(static i => (long)(i * 37 % 400))];
        var destination = new long[rows.Length * Columns];
        for (int i = 1; i <= 3; i++)
        {
            Assert.Throws<PageCorruptedException>(() => matrix.Gather(rows, destination));
            Assert.Equal(i, pager.GetStatistics().CorruptedPages);
        }

        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Fact]
    public void What_is_out_of_range_is_refused_with_the_figures_and_nothing_is_copied()
    {
        using Pager pager = Make(8, 0, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager);
        var destination = new long[3 * Columns];
        foreach (long row in new[] { -1, Rows, long.MaxValue, long.MinValue })
        {
            var e = Assert.Throws<ArgumentOutOfRangeException>("rows", () => matrix.Gather([3, row, 4], destination));
            Assert.Equal(row, e.ActualValue);
            Assert.Contains("rows[1]", e.Message, StringComparison.Ordinal);
            Expect.Figure(Rows - 1, e.Message);
        }

        var tooShort = Assert.Throws<ArgumentException>("destination", () => matrix.Gather([1, 2, 3, 4], destination));
        Expect.Figure(4 * Columns, tooShort.Message);
        Expect.Figure(3 * Columns, tooShort.Message);
        Assert.All(destination, static value => Assert.Equal(0, value));

        // More elements than a number of 32 bits counts.
        using PagedMatrix<byte> wide = pager.AllocateMatrix<byte>(10, 8192);
        Expect.Figure(8192L << 20, Assert.Throws<ArgumentException>("destination", () => wide.Gather(new long[1 << 20], new byte[100])).Message);
        wide.Gather([], []);
        matrix.Dispose();
        Assert.Throws<ObjectDisposedException>(() => matrix.Gather([1], destination));
        Assert.Throws<ObjectDisposedException>(() => matrix.Gather([], []));
    }

    /// <summary>Rows that change under the call are read or refused: never memory that is no row.</summary>
    [Fact]
    public async Task Rows_that_change_meanwhile_do_no_harm()
    {
        using Pager pager = Make(8, 1, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager);
        long[] rows = [.. Enumerable.Range(0, 200).Select(static i => (long)i * 3)];
        var destination = new long[rows.Length * Columns];
        int stop = 0;
        Task changing = Task.Run(() =>
        {
            for (int i = 0; Volatile.Read(ref stop) == 0; i++)
                Volatile.Write(ref rows[i % rows.Length], i % 3 == 0 ? long.MaxValue - i : i % Rows);
        }, Ct);
        for (int i = 0; i < 300; i++)
        {
            try
            {
                matrix.Gather(rows, destination);
            }
            catch (ArgumentOutOfRangeException e)
            {
                Assert.Equal("rows", e.ParamName);
            }
        }

        Volatile.Write(ref stop, 1);
        await changing;
        Assert.Equal(0, pager.GetStatistics().Pins);
        matrix.Gather([5], destination);
        Assert.Equal(Value(5, 9), destination[9]);
    }

    [Theory]
    [InlineData(4, 0, false)]
    [InlineData(8, 1, true)]
    [InlineData(16, 2, true)]
    public async Task Threads_gather_while_others_write_other_rows(int frames, int threads, bool withFile)
    {
        using Pager pager = Make(frames, threads, withFile);
        using PagedMatrix<long> matrix = Filled(pager);
        int stop = 0;
        Task writing = Task.Run(() =>
        {
            // Odd rows, which share their pages with even ones.
            var rng = new Rng(1);
            while (Volatile.Read(ref stop) == 0)
            {
                long row = (rng.Next(Rows / 2) * 2) + 1;
                matrix[row, rng.Next(Columns)] = row;
            }
        }, Ct);
        Task[] gathering = [.. Enumerable.Range(0, 3).Select(number => Task.Run(() =>
        {
            var rng = new Rng((ulong)number);
            for (int i = 0; i < 60; i++)
            {
                long[] rows = [.. Enumerable.Range(0, 100).Select(_ => rng.Next(Rows / 2) * 2)];
                var destination = new long[rows.Length * Columns];
                matrix.Gather(rows, destination);
                AssertFilled(rows, destination);
            }
        }, Ct))];
        await Task.WhenAll(gathering);
        Volatile.Write(ref stop, 1);
        await writing;
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public async Task Disposed_meanwhile_it_ends_and_the_matrix_can_be_disposed(int threads, bool pagerToo)
    {
        for (int round = 0; round < 10; round++)
        {
            using Pager pager = Make(16, threads, withFile: false);
            PagedMatrix<long> matrix = Filled(pager);
            long[] rows = [.. Enumerable.Range(0, 600).Select(static i => (long)(i * 11 % Rows))];
            using var started = new ManualResetEventSlim();
            Task gathering = Task.Run(() =>
            {
                var destination = new long[rows.Length * Columns];
                while (true)
                {
                    matrix.Gather(rows, destination);
                    AssertFilled(rows, destination);
                    started.Set();
                }
            }, Ct);
            started.Wait(Ct);
            if (pagerToo)
                pager.Dispose();
            else
                matrix.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => gathering);
        }
    }

    [Fact]
    public void Leases_on_all_frames_refuse_it_with_the_figures()
    {
        using Pager pager = Make(4, 1, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager);
        var destination = new long[2 * Columns];
        Nest(0);
        matrix.Gather([300, 400], destination);
        AssertFilled([300, 400], destination);

        void Nest(int depth)
        {
            using ReadLease<long> lease = matrix.ReadRow(depth * matrix.RowsPerPage);
            if (depth < 3)
            {
                Nest(depth + 1);
                return;
            }

            // What is there can be had.
            matrix.Gather([18, 0], destination);
            AssertFilled([18, 0], destination);
            Expect.Figures(Assert.Throws<OutOfPagingSpaceException>(() => matrix.Gather([300, 400], destination)), pager);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void It_allocates_nothing(int threads)
    {
        using Pager pager = Make(32, threads, withFile: false);
        using PagedMatrix<long> matrix = Filled(pager);
        var rows = new long[300];
        var destination = new long[rows.Length * Columns];
        for (int i = 0; i < 200; i++)
            Gather(i);

        // The runtime makes an object for a thread that waits for the first time, which may or may not have happened by now.
        lock (rows)
            Monitor.Wait(rows, 0);
        int next = 0;
        Assert.Equal(0, Codecs.Allocations.Least(() => Gather(next++ % 200), uses: 200));

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        void Gather(int round)
        {
            for (int i = 0; i < rows.Length; i++)
                rows[i] = ((i * 7) + (round * 90)) % Rows;
            matrix.Gather(rows, destination);
        }
    }

    internal static Pager Make(int frames, int threads, bool withFile) => new(new PagerOptions
    {
        ResidentBytes = frames * (8L << 10),
        PoolBytes = withFile ? 512 << 10 : 4 << 20,
        PageBytes = 8 << 10,
        BackgroundThreads = threads,
        SwapFiles = withFile ? [Held.File()] : [],
    });

    internal static PagedMatrix<long> Filled(Pager pager, string? name = null)
    {
        PagedMatrix<long> matrix = pager.AllocateMatrix<long>(Rows, Columns, new PagedArrayOptions { Name = name });
        for (long row = 0; row < Rows; row++)
        {
            using WriteLease<long> lease = matrix.WriteRow(row);
            for (int column = 0; column < Columns; column++)
                lease.Span[column] = Value(row, column);
        }

        return matrix;
    }

    internal static void AssertFilled(ReadOnlySpan<long> rows, ReadOnlySpan<long> elements)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            for (int column = 0; column < Columns; column++)
            {
                if (elements[(i * Columns) + column] != Value(rows[i], column))
                    Assert.Fail($"Row {rows[i]} at {i}: element {column} is {elements[(i * Columns) + column]}, not {Value(rows[i], column)}.");
            }
        }
    }

    private static long Value(long row, int column) => (row * 1_000_003) ^ ((long)column * column * (row % 5));

    /// <summary>Evicts the pages of the first rows.</summary>
    internal static void Evict(Pager pager, PagedMatrix<long> matrix, long rows)
    {
        PagedRegion region = Internals.Pages(matrix).Region;
        for (long page = 0; page < rows / matrix.RowsPerPage; page++)
        {
            // A background thread may be at it, too.
            while (PageWord.State(region.Load(page)) != PageState.Swapped)
            {
                Internals.PageOutAll(Internals.Domain(pager));
                Thread.Yield();
            }
        }
    }

    private static void Write(PagedMatrix<long> matrix, long[][] model, long row, Rng rng)
    {
        Content.Write<long>((ContentKind)rng.Next(4L), rng.Next(), model[row]);
        using WriteLease<long> lease = matrix.WriteRow(row);
        model[row].CopyTo(lease.Span);
    }
}
