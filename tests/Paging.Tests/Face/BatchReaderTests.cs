using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Batches in a known order, epoch after epoch: the same rows as without a reader, whatever happens to the reader or its matrix.</summary>
public class BatchReaderTests
{
    private const int Rows = 700;

    /// <summary>Frames, background threads, whether there is a file, rows in a batch, and batches ahead.</summary>
    public static TheoryData<int, int, bool, int, int> Readers => new()
    {
        { 4, 0, false, 64, 2 }, { 4, 1, false, 700, 0 }, { 8, 2, true, 1, 5 }, { 16, 0, true, 70, 1 }, { 16, 1, true, 350, 3 },
        { 16, 2, true, 99, 0 }, { 16, 1, false, 5000, 2 },
    };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Readers))]
    public async Task Batches_are_the_rows_of_the_order(int frames, int threads, bool withFile, int batchRows, int batchesAhead)
    {
        using Pager pager = GatherTests.Make(frames, threads, withFile);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        foreach (RowOrder order in new[] { RowOrder.Sequential(Rows), RowOrder.Shuffled(Rows, 4), RowOrder.BlockShuffled(Rows - 3, 4, 12, 4) })
        {
            using BatchReader<long> reader = matrix.ReadBatches(order, batchRows, epoch: 5, batchesAhead: batchesAhead);
            Assert.True(reader.Current.IsEmpty && reader.Rows.IsEmpty && reader.CurrentMemory.IsEmpty);
            for (int epoch = 5; epoch < 8; epoch++)
            {
                long[] all = RowOrderTests.All(order, epoch);
                int position = 0;
                while (epoch == 6 ? await reader.MoveNextAsync(Ct) : reader.MoveNext())
                {
                    int count = Math.Min(batchRows, all.Length - position);
                    Assert.Equal(all[position..(position + count)], reader.Rows.ToArray());
                    GatherTests.AssertFilled(reader.Rows, reader.Current);
                    Assert.True(reader.CurrentMemory.Span == reader.Current);
                    position += count;
                    Assert.Equal((epoch, position), (reader.Epoch, reader.Position));
                }

                Assert.Equal(all.Length, position);
                Assert.Equal((epoch + 1, 0), (reader.Epoch, reader.Position));
                Assert.True(reader.Current.IsEmpty);
            }

            Assert.InRange(reader.Waited, TimeSpan.Zero, TimeSpan.FromHours(1));
        }

        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    /// <summary>Windows of an eighth of the frames, so that two of them may be in frames at once.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void Pages_of_a_window_are_brought_in_together_and_once(int threads)
    {
        const int Frames = 64;
        const int Epochs = 3;
        using Pager pager = GatherTests.Make(Frames, threads, withFile: true);
        const int Columns = 1024; // a row is a page
        const int Length = 8 * Frames;
        using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(Length, Columns);
        for (long row = 0; row < Length; row++)
            matrix[row, 0] = row;
        PagerStatistics before = pager.GetStatistics();
        using (BatchReader<long> reader = matrix.ReadBatches(RowOrder.BlockShuffled(Length, 3, 2, 4), 4))
        {
            for (int ends = 0; ends < Epochs;)
            {
                if (!reader.MoveNext())
                    ends++;
                for (int i = 0; i < reader.Rows.Length; i++)
                    Assert.Equal(reader.Rows[i], reader.Current[i * Columns]);
            }
        }

        // What the reader had begun of the next epoch is among them.
        PagerStatistics after = pager.GetStatistics();
        long faults = after.Faults - before.Faults;
        Assert.InRange(after.PrefetchedPages - before.PrefetchedPages, Length * Epochs / 2, faults);
        Assert.InRange(faults, Length * (Epochs - 1), Length * Epochs * 5 / 4);
    }

    [Fact]
    public void In_sequence_windows_are_brought_in_too_where_there_are_frames_enough()
    {
        const long Columns = 512; // a row is a page
        foreach (int frames in new[] { 4 << 10, 8 << 10 })
        {
            using var pager = new Pager(new PagerOptions { ResidentBytes = frames * 4096L, PoolBytes = 4 << 20, PageBytes = 4096, BackgroundThreads = 1 });
            long length = 2L * frames;
            using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(length, (int)Columns);
            for (long row = 0; row < length; row++)
                matrix[row, 5] = row;
            using BatchReader<long> reader = matrix.ReadBatches(RowOrder.Sequential(length), 64);
            long next = 0;
            for (; reader.MoveNext(); next += reader.Rows.Length)
            {
                for (int i = 0; i < reader.Rows.Length; i++)
                    Assert.Equal(next + i, reader.Current[(int)(i * Columns) + 5]);
            }

            Assert.Equal(length, next);
            if (frames == 8 << 10)
                Assert.True(pager.GetStatistics().PrefetchedPages > length / 2);
        }
    }

    /// <summary>Each takes its share of the frames, for as long as it lives.</summary>
    [Fact]
    public void Readers_with_windows_are_counted_until_they_are_disposed()
    {
        using Pager pager = GatherTests.Make(64, 1, withFile: false);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        Prefetcher prefetcher = Internals.Domain(pager).Prefetcher;
        var order = RowOrder.BlockShuffled(Rows, 1, 4, 4);
        using (BatchReader<long> one = matrix.ReadBatches(order, 7))
        {
            using (BatchReader<long> other = matrix.ReadBatches(order, 9))
            using (BatchReader<long> shuffled = matrix.ReadBatches(RowOrder.Shuffled(Rows, 1), 9))
            {
                Assert.Equal(2, prefetcher.WindowReaders);
                for (int i = 0; i < 300; i++)
                {
                    one.MoveNext();
                    GatherTests.AssertFilled(one.Rows, one.Current);
                    other.MoveNext();
                    GatherTests.AssertFilled(other.Rows, other.Current);
                }

                other.Dispose();
            }

            Assert.Equal(1, prefetcher.WindowReaders);
        }

        Assert.False(prefetcher.Operations.IsAny);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(9)]
    [InlineData(40)]
    public void Windows_that_are_too_large_for_the_frames_are_gathered_all_the_same(int frames)
    {
        using Pager pager = GatherTests.Make(frames, 1, withFile: true);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        foreach ((int blockRows, int windowBlocks) in new[] { (1, Rows), (Rows, 1), (50, 5), (7, 3), (1, 1) })
        {
            var order = RowOrder.BlockShuffled(Rows, 6, blockRows, windowBlocks);
            foreach (int batchRows in new[] { 1, 33, Rows })
            {
                using BatchReader<long> reader = matrix.ReadBatches(order, batchRows, epoch: long.MaxValue);
                var seen = new List<long>();
                for (int ends = 0; ends < 2;)
                {
                    if (!reader.MoveNext())
                        ends++;
                    GatherTests.AssertFilled(reader.Rows, reader.Current);
                    seen.AddRange(reader.Rows);
                }

                Assert.Equal([.. RowOrderTests.All(order, long.MaxValue), .. RowOrderTests.All(order, 0)], seen);
            }
        }
    }

    [Fact]
    public void A_new_reader_goes_on_where_another_has_stopped()
    {
        using Pager pager = GatherTests.Make(16, 1, withFile: false);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        var order = RowOrder.Shuffled(Rows, 4);
        var seen = new List<long>();
        long epoch = 1;
        long position = 13;
        int ends = 0;
        for (int i = 1; ends < 2; i++)
        {
            using BatchReader<long> reader = matrix.ReadBatches(order, 10 + i, epoch, position);
            for (int moves = 0; moves < i % 4 && ends < 2; moves++)
            {
                if (reader.MoveNext())
                    seen.AddRange(reader.Rows);
                else
                    ends++;
            }

            (epoch, position) = (reader.Epoch, reader.Position);
        }

        Assert.Equal([.. RowOrderTests.All(order, 1)[13..], .. RowOrderTests.All(order, 2)], seen);
        Assert.Equal((3, 0), (epoch, position));

        // At the end of an epoch, the end is still to come.
        using BatchReader<long> last = matrix.ReadBatches(order, 10, 3, Rows);
        Assert.False(last.MoveNext());
        Assert.Equal((4, 0), (last.Epoch, last.Position));
        Assert.True(last.MoveNext());
        Assert.Equal(RowOrderTests.All(order, 4)[..10], last.Rows.ToArray());
    }

    [Fact]
    public void What_is_out_of_range_is_refused_with_the_figures()
    {
        using Pager pager = GatherTests.Make(16, 0, withFile: false);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        var order = RowOrder.Sequential(Rows);
        Assert.Throws<ArgumentNullException>("order", () => matrix.ReadBatches(null!, 1));
        var tooLong = Assert.Throws<ArgumentException>("order", () => matrix.ReadBatches(RowOrder.Shuffled(Rows + 1, 1), 1));
        Expect.Figure(Rows + 1, tooLong.Message);
        Expect.Figure(Rows, tooLong.Message);
        foreach (int rows in new[] { 0, -1, int.MinValue })
            Assert.Equal(rows, Assert.Throws<ArgumentOutOfRangeException>("batchRows", () => matrix.ReadBatches(order, rows)).ActualValue);
        foreach (int ahead in new[] { -1, 1025, int.MinValue })
            Assert.Equal(
                ahead,
                Assert.Throws<ArgumentOutOfRangeException>("batchesAhead", () => matrix.ReadBatches(order, 1, batchesAhead: ahead)).ActualValue);
        Assert.Equal(-1L, Assert.Throws<ArgumentOutOfRangeException>("epoch", () => matrix.ReadBatches(order, 1, epoch: -1)).ActualValue);
        Assert.Equal(-1L, Assert.Throws<ArgumentOutOfRangeException>("position", () => matrix.ReadBatches(order, 1, position: -1)).ActualValue);
        Expect.Figure(Rows, Assert.Throws<ArgumentOutOfRangeException>("position", () => matrix.ReadBatches(order, 1, position: Rows + 1)).Message);
        using PagedMatrix<byte> wide = pager.AllocateMatrix<byte>(1 << 20, 8192);
        Expect.Figure(
            8192L << 20,
            Assert.Throws<ArgumentOutOfRangeException>("batchRows", () => wide.ReadBatches(RowOrder.Sequential(1 << 20), int.MaxValue)).Message);
        matrix.Dispose();
        Assert.Throws<ObjectDisposedException>(() => matrix.ReadBatches(order, 1));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public async Task The_matrix_can_be_disposed_under_readers(int threads, bool pagerToo)
    {
        for (int round = 0; round < 10; round++)
        {
            using Pager pager = GatherTests.Make(16, threads, withFile: false);
            PagedMatrix<long> matrix = GatherTests.Filled(pager);
            using BatchReader<long> reader = matrix.ReadBatches(RowOrder.Shuffled(Rows, 1), 40, batchesAhead: 4);
            await using BatchReader<long> other = matrix.ReadBatches(RowOrder.Shuffled(Rows, 2), 300);
            for (int i = 0; i < round; i++)
                reader.MoveNext();
            long[] rows = reader.Rows.ToArray();

            // They are gathering meanwhile, but have no leases.
            if (pagerToo)
                pager.Dispose();
            else
                matrix.Dispose();
            GatherTests.AssertFilled(rows, reader.Current);
            for (int i = 0; i < 3; i++)
            {
                Assert.Throws<ObjectDisposedException>(() => reader.MoveNext());
                await Assert.ThrowsAsync<ObjectDisposedException>(() => other.MoveNextAsync(Ct).AsTask());
            }
        }
    }

    [Fact]
    public async Task A_cancelled_token_leaves_the_reader_as_it_is()
    {
        using Held held = Stored.InFile(0, out GatedDevice device);
        using var isReading = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        using PagedMatrix<long> matrix = Noise(held);
        using BatchReader<long> reader = matrix.ReadBatches(RowOrder.Sequential(matrix.Rows), 100, batchesAhead: 0);
        Assert.True(reader.MoveNext());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader.MoveNextAsync(new CancellationToken(canceled: true)).AsTask());
        AssertNoise(reader, first: 0);

        // Without batches ahead the next one is begun with the move.
        using var cancellation = new CancellationTokenSource();
        device.BeforeRead(1, () =>
        {
            isReading.Set();
            goOn.Wait(Ct);
        });
        Task<bool> move = reader.MoveNextAsync(cancellation.Token).AsTask();
        isReading.Wait(Ct);
        await cancellation.CancelAsync();
        Assert.Equal(cancellation.Token, (await Assert.ThrowsAnyAsync<OperationCanceledException>(() => move)).CancellationToken);
        Assert.Equal((0, 100), (reader.Epoch, reader.Position));
        Assert.True(reader.Current.IsEmpty);
        goOn.Set();
        Assert.True(reader.MoveNext());
        AssertNoise(reader, first: 100);
        Assert.True(await reader.MoveNextAsync(Ct));
        AssertNoise(reader, first: 200);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_damaged_page_is_told_once_and_its_batch_left_out(int threads)
    {
        using Pager pager = GatherTests.Make(16, threads, withFile: false);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager, "rows");
        PagedRegion region = Internals.Pages(matrix).Region;
        GatherTests.Evict(pager, matrix, 126);
        Damage.FlipBodyBit(Internals.Domain(pager).Swap, PageWord.Stored(region.Load(20)), 100);

        // Row 120 is the first of page 20.
        using BatchReader<long> reader = matrix.ReadBatches(RowOrder.Sequential(Rows), 50, batchesAhead: 3);
        for (int epoch = 0; epoch < 2; epoch++)
        {
            Assert.True(reader.MoveNext());
            Assert.True(await reader.MoveNextAsync(Ct));
            Assert.Equal(20, (await Assert.ThrowsAsync<PageCorruptedException>(() => reader.MoveNextAsync(Ct).AsTask())).PageIndex);
            Assert.Equal((epoch, 150), (reader.Epoch, reader.Position));
            Assert.True(reader.Current.IsEmpty && reader.Rows.IsEmpty);
            int moves = 0;
            for (; reader.MoveNext(); moves++)
            {
                Assert.Equal(150 + (moves * 50), reader.Rows[0]);
                GatherTests.AssertFilled(reader.Rows, reader.Current);
            }

            Assert.Equal(11, moves);
        }
    }

    [Fact]
    public void Without_room_it_is_told_and_the_batch_comes_when_there_is_some()
    {
        using Pager pager = GatherTests.Make(4, 1, withFile: false);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        using (BatchReader<long> reader = Nest(0))
        {
            // The pages of the first rows are resident, those of others may be again.
            var seen = new List<long>();
            while (reader.MoveNext())
            {
                GatherTests.AssertFilled(reader.Rows, reader.Current);
                seen.AddRange(reader.Rows);
            }

            Assert.Equal(Enumerable.Range(24, Rows - 24).Select(static i => (long)i), seen);
        }

        BatchReader<long> Nest(int depth)
        {
            using ReadLease<long> lease = matrix.ReadRow(depth * matrix.RowsPerPage);
            if (depth < 3)
                return Nest(depth + 1);

            BatchReader<long> reader = matrix.ReadBatches(RowOrder.Sequential(Rows), 24);
            Assert.True(reader.MoveNext());
            GatherTests.AssertFilled(reader.Rows, reader.Current);
            Assert.Throws<OutOfPagingSpaceException>(() => reader.MoveNext());
            Assert.Equal(24, reader.Position);
            Assert.Throws<OutOfPagingSpaceException>(() => reader.MoveNext());
            Assert.Equal(24, reader.Position);

            // The thread tries once more, and waits for leases, which end now.
            return reader;
        }
    }

    [Fact]
    public async Task Disposed_while_it_gathers_it_waits_for_that()
    {
        foreach (bool isAsync in new[] { false, true })
        {
            using Held held = Stored.InFile(0, out GatedDevice device);
            using PagedMatrix<long> matrix = held.Pager.AllocateMatrix<long>(Rows, 64);
            using BatchReader<long> reader = matrix.ReadBatches(RowOrder.Sequential(Rows), 100);
            Assert.True(reader.MoveNext());
            if (isAsync)
                await reader.DisposeAsync();
            else
                reader.Dispose();
            reader.Dispose();
            await reader.DisposeAsync();
            Assert.Throws<ObjectDisposedException>(() => reader.MoveNext());
            await Assert.ThrowsAsync<ObjectDisposedException>(() => reader.MoveNextAsync(Ct).AsTask());
            Assert.Throws<ObjectDisposedException>(() => reader.CurrentMemory);
            Assert.Throws<ObjectDisposedException>(() => reader.Current.Length);
            Assert.Throws<ObjectDisposedException>(() => reader.Rows.Length);
            Assert.Equal((0, 100), (reader.Epoch, reader.Position));
            GC.KeepAlive(device);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Disposed_by_another_thread_a_move_that_waits_ends(bool isAsync)
    {
        using Held held = Stored.InFile(0, out GatedDevice device);
        using var isReading = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        device.BeforeRead(1, () =>
        {
            isReading.Set();
            goOn.Wait(Ct);
        });
        using PagedMatrix<long> matrix = Noise(held);
        using BatchReader<long> reader = matrix.ReadBatches(RowOrder.Sequential(matrix.Rows), (int)matrix.Rows);
        Task<bool> move = isAsync ? reader.MoveNextAsync(Ct).AsTask() : Task.Run(reader.MoveNext, Ct);
        isReading.Wait(Ct);
        Task disposing = Task.Run(reader.Dispose, Ct);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => move);

        // The page is still being read.
        Assert.False(disposing.IsCompleted);
        goOn.Set();
        await disposing;
    }

    [Fact]
    public void Dropped_it_ends_its_thread()
    {
        using Pager pager = GatherTests.Make(16, 0, withFile: false);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        WeakReference[] dropped = [.. Enumerable.Range(0, 5).Select(_ => Drop())];
        for (int i = 0; i < 1000 && dropped.Any(static reference => reference.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.DoesNotContain(dropped, static reference => reference.IsAlive);

        WeakReference Drop()
        {
            BatchReader<long> reader = matrix.ReadBatches(RowOrder.Shuffled(Rows, 1), 40);
            Assert.True(reader.MoveNext());
            return new WeakReference(reader);
        }
    }

    [Fact]
    public void Several_readers_of_a_matrix_do_not_disturb_one_another()
    {
        using Pager pager = GatherTests.Make(8, 1, withFile: true);
        using PagedMatrix<long> matrix = GatherTests.Filled(pager);
        BatchReader<long>[] readers = [.. Enumerable.Range(0, 4).Select(i => matrix.ReadBatches(RowOrder.Shuffled(Rows, (ulong)i), 30 + i))];
        for (int i = 0; i < 100; i++)
        {
            if (readers[i % 4].MoveNext())
                GatherTests.AssertFilled(readers[i % 4].Rows, readers[i % 4].Current);
        }

        Array.ForEach(readers, static reader => reader.Dispose());
    }

    /// <summary>A matrix that is in the file but for what fits the frames and the pool.</summary>
    private static PagedMatrix<long> Noise(Held held)
    {
        PagedMatrix<long> matrix = held.Pager.AllocateMatrix<long>(2000, 128);
        for (long row = 0; row < matrix.Rows; row++)
        {
            using WriteLease<long> lease = matrix.WriteRow(row);
            for (int column = 0; column < 128; column++)
                lease.Span[column] = Noise(row, column);
        }

        held.AwaitWrites();
        return matrix;
    }

    private static long Noise(long row, int column) => (long)RowPermutation.Absorb((ulong)row, (ulong)column);

    private static void AssertNoise(BatchReader<long> reader, long first)
    {
        for (int i = 0; i < reader.Rows.Length; i++)
        {
            Assert.Equal(first + i, reader.Rows[i]);
            for (int column = 0; column < 128; column++)
                Assert.Equal(Noise(first + i, column), reader.Current[(i * 128) + column]);
        }
    }
}
