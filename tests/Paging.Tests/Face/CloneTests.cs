using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Swap.Devices;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Face;

/// <summary>Clones: what they cost, what they are, what either side sees of the other, and what goes wrong.</summary>
public sealed class CloneTests
{
    private const int PageLength = Held.PageBytes / sizeof(long);
    private const int Pages = 200;

    [Fact]
    public void A_clone_of_stored_pages_takes_no_pool_space()
    {
        using Held held = new Held(Pages).Fill().PageOut();
        PagerStatistics before = held.Statistics;
        using PagedArray<long> clone = held.Array.Clone();
        PagerStatistics after = held.Statistics;
        Assert.Equal(
            (before.PoolBytes, before.PoolStoredBytes, before.PoolLogicalBytes, before.SameFilledPages, before.IncompressiblePages),
            (after.PoolBytes, after.PoolStoredBytes, after.PoolLogicalBytes, after.SameFilledPages, after.IncompressiblePages));
        Assert.Equal((0, before.Faults), (after.ResidentBytes, after.Faults));
        AssertSame(held.Array, clone);
        held.VerifyAll();
    }

    [Fact]
    public void Clean_pages_are_shared_by_their_copies_and_dirty_ones_stored_once()
    {
        using Held held = new Held(Pages).Fill().PageOut();
        for (int page = 0; page < 4; page++)
            held.Verify(page);
        for (int page = 4; page < 8; page++)
            held.Change(page);
        held.PageOut();
        for (int page = 0; page < 8; page++)
            held.Verify(page);
        PagerStatistics clean = held.Statistics;
        using (PagedArray<long> clone = held.Array.Clone())
            Assert.Equal((clean.PoolStoredBytes, clean.Faults), (held.Statistics.PoolStoredBytes, held.Statistics.Faults));
        for (int page = 4; page < 8; page++)
            held.Change(page);
        long dirty = held.Statistics.PoolLogicalBytes;
        using (PagedArray<long> clone = held.Array.Clone())
        {
            // They were stored where they are, and are clean now: going out costs nothing.
            Assert.Equal(dirty + (4 * Held.PageBytes), held.Statistics.PoolLogicalBytes);
            Assert.Equal(8 * Held.PageBytes, held.Statistics.ResidentBytes);
            AssertState(held.Array, page: 5, PageState.Resident, isDirty: false);
            held.PageOut();
            Assert.Equal(dirty + (4 * Held.PageBytes), held.Statistics.PoolLogicalBytes);
            AssertSame(held.Array, clone);
        }

        held.VerifyAll();
    }

    [Fact]
    public void Untouched_pages_cost_nothing_however_many_they_are()
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Allocate<int>(1L << 38);
        array[(1L << 37) + 5] = 6;
        array[(1L << 38) - 1] = 7;
        long before = pager.GetStatistics().MetadataBytes;
        using PagedArray<int> clone = array.Clone();
        Assert.InRange(pager.GetStatistics().MetadataBytes - before, 0, 32 << 10);
        Assert.Equal((0, 6, 7), (clone[0], clone[(1L << 37) + 5], clone[(1L << 38) - 1]));
        clone[5] = 8;
        Assert.Equal((8, 0), (clone[5], array[5]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Either_side_is_disposed_first(bool originalFirst)
    {
        using Held held = new Held(Pages).Fill();
        PagedArray<long> clone = held.Array.Clone();
        PagedArray<long> second = clone.Clone();
        long[] all = Read(clone);
        clone.Fill(0, 10 * PageLength, 5);
        second.Discard(PageLength, PageLength);
        held.VerifyAll();
        if (originalFirst)
        {
            held.Array.Dispose();
            Assert.Equal(all[(10 * PageLength)..], Read(clone)[(10 * PageLength)..]);
            Assert.Equal(all[(2 * PageLength)..], Read(second)[(2 * PageLength)..]);
            clone.Dispose();
            second.Dispose();
        }
        else
        {
            second.Dispose();
            clone.Dispose();
            held.VerifyAll();
            held.Array.Dispose();
        }

        Settled.Empty(held.Pager);
    }

    [Fact]
    public void A_clone_is_like_its_original_and_an_array_of_its_own()
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<double> array = pager.Allocate<double>(
            5_000, new PagedArrayOptions { PageBytes = 8 << 10, Name = "of doubles", Compression = CompressionGoal.Ratio });
        using PagedArray<double> clone = array.Clone();
        Assert.Equal((5_000, 8 << 10, "of doubles", CompressionGoal.Ratio), (clone.Length, clone.PageBytes, clone.Name, clone.Compression));
        clone.Compression = CompressionGoal.Speed;
        Assert.Equal(CompressionGoal.Ratio, array.Compression);
        using PagedMatrix<int> matrix = pager.AllocateMatrix<int>(300, 700, new PagedArrayOptions { Name = "rows" });
        for (int row = 0; row < matrix.Rows; row++)
            matrix[row, row] = row;
        using PagedMatrix<int> other = matrix.Clone();
        Assert.Equal(
            (300, 700, matrix.PageBytes, matrix.RowsPerPage, "rows"), (other.Rows, other.Columns, other.PageBytes, other.RowsPerPage, other.Name));
        other[7, 7] = -1;
        Assert.Equal((7, -1, 299), (matrix[7, 7], other[7, 7], other[299, 299]));
    }

    [Fact]
    public unsafe void A_damaged_page_is_one_for_both_sides_and_no_other_page_is()
    {
        using Held held = new Held(Pages).Fill().PageOut();
        using PagedArray<long> clone = held.Array.Clone();
        Damage.FlipBodyBit(held.Store, PageWord.Stored(Region(held.Array).Load(17)), bit: 100);
        for (int page = 0; page < Pages; page++)
        {
            PageCorruptedException? mine = held.TryVerify(page);
            PageCorruptedException? others = page == 17 ? Assert.Throws<PageCorruptedException>(() => clone[17 * PageLength]) : null;
            Assert.Equal(page == 17, mine is not null);
            Assert.Equal(others?.PageIndex, mine?.PageIndex);
            _ = page == 17 ? 0 : clone[page * PageLength];
        }

        clone.Fill(17 * PageLength, PageLength, 3);
        Assert.Equal(3, clone[17 * PageLength]);
        Assert.NotNull(held.TryVerify(17));
    }

    [Fact]
    public async Task A_page_lost_with_its_file_is_lost_to_both_sides()
    {
        using var held = new Held(700);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        SwapFile file = held.AddDevice(device);
        held.Fill().AwaitWrites();
        using PagedArray<long> clone = held.Array.Clone();
        held.AddDevice(new MemoryDevice(2 * Held.FileBytes));
        device.Chances.Add(Fault.InputOutputError, 3);
        await held.Pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken);
        int lost = held.VerifyAllButLost();
        Assert.InRange(lost, 1, held.Pages - 1);
        for (long page = 0; page < held.Pages; page++)
        {
            if (held.Lost.Contains(page))
                Assert.Throws<PageCorruptedException>(() => clone[page * PageLength]);
            else
                Assert.Equal(held.Array[page * PageLength], clone[page * PageLength]);
        }
    }

    [Fact]
    public void A_clone_for_which_there_is_no_room_leaves_nothing_and_changes_nothing()
    {
        using var held = new Held(4 * Pages);
        held.FillUntilRefused();
        PagerStatistics before = held.Statistics;
        OutOfPagingSpaceException? refused = null;
        var clones = new List<PagedArray<long>>();
        try
        {
            // Pages in frames are stored, or copied, until neither is possible.
            for (int i = 0; i < 20; i++)
            {
                clones.Add(held.Array.Clone());
                held.FillWhereThereIsRoom();
            }
        }
        catch (OutOfPagingSpaceException e)
        {
            refused = e;
        }

        Assert.NotNull(refused);
        Assert.NotEqual(default, refused.Statistics);
        held.VerifyAll();
        clones.ForEach(static clone => clone.Dispose());
        held.VerifyAll();
        Assert.InRange(held.Statistics.PoolLogicalBytes, 0, before.PoolLogicalBytes + before.ResidentBytes);
        held.Array.Dispose();
        Settled.Empty(held.Pager);
    }

    [Fact]
    public void A_page_that_has_as_many_references_as_there_can_be_is_copied()
    {
        using Held held = new Held(20).Fill().PageOut();
        held.Store.Descriptors.MaxReferences = 3;
        PagedArray<long>[] clones = [.. Enumerable.Range(0, 6).Select(_ => held.Array.Clone())];
        foreach (PagedArray<long> clone in clones)
            AssertSame(held.Array, clone);
        Assert.InRange(held.Statistics.PoolLogicalBytes, 2L * 20 * Held.PageBytes * 3 / 4, long.MaxValue);
        Array.ForEach(clones, static clone => clone.Dispose());
        held.VerifyAll();
        held.Array.Dispose();
        Settled.Empty(held.Pager);
    }

    [Fact]
    public void A_page_under_a_write_lease_is_copied_and_its_clone_stays_what_it_was()
    {
        using Held held = new Held(20).Fill();
        using WriteLease<long> lease = held.Array.Write(3 * PageLength);
        lease.Span[7] = 70;
        using PagedArray<long> clone = held.Array.Clone();
        lease.Span[7] = 71;
        Assert.Equal((71, 70), (held.Array[(3 * PageLength) + 7], clone[(3 * PageLength) + 7]));
        AssertState(clone, page: 3, PageState.Resident, isDirty: true);
    }

    [Fact]
    public void Copies_that_are_shared_are_dropped_only_where_there_are_no_others()
    {
        using Held held = new Held(4).Fill().PageOut();
        using PagedArray<long> clone = held.Array.Clone();
        held.Write(3);
        held.PageOut();
        for (int page = 0; page < 4; page++)
            held.Verify(page);
        PagingDomain domain = Internals.Domain(held.Pager);
        Assert.True(domain.DirtyLimit.DropCopies(Region(clone).Frames, max: 4, mayBeUnpinned: true));
        AssertState(held.Array, page: 0, PageState.Resident, isDirty: false);
        AssertState(held.Array, page: 3, PageState.Resident, isDirty: true);
        Assert.True(domain.DirtyLimit.DropCopies(Region(clone).Frames, max: 1, mayBeUnpinned: true));
        Assert.Equal(2, Enumerable.Range(0, 4).Count(page => (Region(held.Array).Load(page) & PageWord.Dirty) != 0));
        held.PageOut().VerifyAll();
    }

    [Fact]
    public void A_disposed_array_is_not_cloned()
    {
        var held = new Held(4);
        held.Array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => held.Array.Clone());
        using PagedMatrix<int> matrix = held.Pager.AllocateMatrix<int>(10, 10);
        held.Dispose();
        Assert.Throws<ObjectDisposedException>(() => matrix.Clone());
    }

    [Fact]
    public void What_a_clone_allocates_does_not_grow_with_its_pages()
    {
        using var pager = new Pager(Held.Options() with { PoolBytes = 8 << 20 });
        using PagedArray<int> small = Make(pager, 600);
        using PagedArray<int> large = Make(pager, 20_000);
        small.Clone().Dispose();
        large.Clone().Dispose();
        long few = Allocated(small);
        Assert.InRange(Allocated(large), 0, few + 1_000);
        Assert.InRange(few, 0, 20_000);

        static long Allocated(PagedArray<int> array) => Codecs.Allocations.Least(() => array.Clone().Dispose(), uses: 1);

        static PagedArray<int> Make(Pager pager, int pages)
        {
            PagedArray<int> array = pager.Allocate<int>(pages * 1024L);
            for (int page = 0; page < pages; page++)
                array[page * 1024L] = page + 1;
            return array;
        }
    }

    [Fact]
    public void Clones_of_stored_pages_at_the_same_time_are_whole_and_give_back_what_they_took()
    {
        // So many that they are shared by batches, whose references other threads add and drop meanwhile.
        const int Many = 4096;
        using var pager = new Pager(new PagerOptions
        {
            PageBytes = Held.PageBytes,
            ResidentBytes = 64 * Held.PageBytes,
            PoolBytes = 2L * Many * Held.PageBytes,
            BackgroundThreads = 0,
        });
        using PagedArray<long> array = pager.Allocate<long>((long)Many * PageLength);
        for (long i = 0; i < array.Length; i++)
            array[i] = i * i;
        Internals.PageOutAll(Internals.Domain(pager));
        long stored = pager.GetStatistics().PoolStoredBytes;
        Crew.Run(3, _ =>
        {
            for (int i = 0; i < 60; i++)
            {
                using PagedArray<long> clone = array.Clone();
                if (i % 20 == 0)
                    AssertSame(array, clone);
            }
        });
        for (long i = 0; i < array.Length; i++)
            Assert.Equal(i * i, array[i]);
        Assert.Equal(stored, pager.GetStatistics().PoolStoredBytes);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void Clones_are_taken_while_threads_write_and_each_stays_what_it_is(int backgroundThreads, bool withFile) => Seeded.Run(seed =>
    {
        const int Writers = 3;
        const int Own = 230;
        const int Rounds = 12;
        using var pager = new Pager(Held.Options(backgroundThreads, withFile ? [Held.File(bytes: 32 << 20)] : []) with { PoolBytes = 4 << 20 });
        using PagedArray<long> array = pager.Allocate<long>(Writers * Own * PageLength);
        long[] begun = new long[Writers * Own];
        long[] done = new long[Writers * Own];
        using var stop = new CancellationTokenSource();
        Crew.Run(Writers + 2, number =>
        {
            var rng = new Rng(seed + (ulong)number);
            if (number < Writers)
            {
                Write(number * Own, rng);
                return;
            }

            try
            {
                for (int round = 0; round < Rounds; round++)
                    CloneOne(rng);
            }
            finally
            {
                stop.Cancel();
            }
        });
        array.Dispose();
        Settled.Empty(pager);

        void Write(int first, Rng rng)
        {
            long[] contents = new long[PageLength];
            while (!stop.IsCancellationRequested)
            {
                int page = first + rng.Next(Own);
                long value = ++begun[page];
                if (rng.Chance(50))
                {
                    Array.Fill(contents, ((long)page << 32) + value);
                    array.CopyFrom((long)page * PageLength, contents);
                }
                else
                {
                    using WriteLease<long> lease = array.Write((long)page * PageLength);
                    for (int i = 0; i < PageLength; i++)
                        lease.Span[i] = ((long)page << 32) + value;
                }

                Volatile.Write(ref done[page], value);
            }
        }

        void CloneOne(Rng rng)
        {
            long[] from = [.. done];
            using PagedArray<long> clone = array.Clone();
            long[] to = [.. begun];
            long[] all = Read(clone);
            for (int i = 0; i < all.Length; i++)
            {
                int page = i / PageLength;
                long value = all[i] == 0 ? 0 : all[i] - ((long)page << 32);
                if (value < from[page] || value > to[page])
                    Assert.Fail($"Page {page}, element {i % PageLength} is of write {value}; those from {from[page]} to {to[page]} were under way.");
            }

            for (int i = 0; i < 40; i++)
            {
                int page = rng.Next(Writers * Own);
                clone.Fill((long)page * PageLength, PageLength, -i);
                Array.Fill(all, -i, page * PageLength, PageLength);
            }

            Assert.True(all.AsSpan().SequenceEqual(Read(clone)), "The clone has changed by itself.");
        }
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_clone_races_against_dispose(bool ofThePager) => Seeded.Run(seed =>
    {
        for (int round = 0; round < 30; round++)
        {
            using Held held = new Held(700, backgroundThreads: 1, Held.File()).Fill();
            var rng = new Rng(seed + (ulong)round);
            int spins = rng.Next(60_000);
            PagedArray<long>? clone = null;
            Crew.Run(2, number =>
            {
                try
                {
                    if (number == 0)
                    {
                        clone = held.Array.Clone();
                    }
                    else
                    {
                        Thread.SpinWait(spins);
                        if (ofThePager)
                            held.Pager.Dispose();
                        else
                            held.Array.Dispose();
                    }
                }
                catch (ObjectDisposedException) when (number == 0)
                {
                }
                catch (InvalidOperationException) when (number == 1)
                {
                    // A page is pinned for a moment while it is copied.
                }
            });
            if (!ofThePager)
            {
                clone?.Dispose();
                held.Array.Dispose();
                Settled.Empty(held.Pager);
            }
        }
    });

    private static PagedRegion Region(PagedArray<long> array) => Internals.Pages(array).Region;

    private static void AssertState(PagedArray<long> array, long page, PageState state, bool isDirty)
    {
        ulong word = Region(array).Load(page);
        Assert.Equal((state, isDirty), (PageWord.State(word), (word & PageWord.Dirty) != 0));
    }

    private static long[] Read(PagedArray<long> array)
    {
        long[] all = new long[array.Length];
        array.CopyTo(0, all);
        return all;
    }

    private static void AssertSame(PagedArray<long> expected, PagedArray<long> actual) =>
        Assert.True(Read(expected).AsSpan().SequenceEqual(Read(actual)), "The clone holds something else.");
}
