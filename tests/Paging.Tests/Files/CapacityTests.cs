using FsCheck;
using FsCheck.Fluent;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Files;

/// <summary>What can be stored until it is refused depends on the budgets and on what is alive, not on what has been.</summary>
public sealed class CapacityTests
{
    private const int Small = 4 << 10;
    private const int Large = 64 << 10;

    [Fact]
    public void Dead_space_of_a_second_file_counts_after_the_first_was_full_alone()
    {
        int after = More(fillsFirst: true);
        int fresh = More(fillsFirst: false);
        Assert.True(fresh > 6000, $"{fresh} pages");
        Assert.True(after >= 0.95 * fresh, $"{after} pages more can be stored, {fresh} where the first file was never full alone");

        static int More(bool fillsFirst)
        {
            using var held = new HeldBytes(4 << 20, Small);
            held.Add(8 << 20);
            if (fillsFirst)
                held.Fill(Small);
            held.Add(56 << 20);
            held.Fill(Small);
            held.FreeEvery(2);
            return held.Fill(Small);
        }
    }

    [Fact]
    public void Pages_of_another_size_that_were_refused_leave_room_for_small_ones()
    {
        long after = Bytes(large: true);
        long fresh = Bytes(large: false);
        Assert.True(after >= 0.95 * fresh, $"{after} bytes in the end, {fresh} bytes without the large pages");

        static long Bytes(bool large)
        {
            using var held = new HeldBytes(8 << 20, Small);
            held.Add(32 << 20);
            held.Store(Large);
            held.FreeEvery(1);
            held.Fill(Small);
            held.FreeEvery(2);
            if (large)
                held.Fill(Large);
            held.Fill(Small);
            held.VerifySome();
            return held.Bytes;
        }
    }

    [Theory]
    [InlineData(Large, Small)]
    [InlineData(Small, Large)]
    public void Free_space_that_lies_between_pages_of_another_size_is_joined(int kept, int freed)
    {
        using var held = new HeldBytes(2 << 20, Small);
        held.Add(8 << 20);
        bool goesOn = true;
        while (goesOn)
        {
            // By turns, so that segments of both sizes lie side by side in the file.
            for (int i = 0; goesOn && i < 5 * Large / Math.Min(kept, freed) / 8; i++)
                goesOn = held.TryStore(Math.Min(kept, freed));
            for (int i = 0; goesOn && i < 4; i++)
                goesOn = held.TryStore(Math.Max(kept, freed));
        }

        held.FreeAll(freed);
        using var model = new HeldBytes(2 << 20, Small);
        model.Add(8 << 20);
        model.Store(Small);
        model.Store(Large);
        model.FreeEvery(1);
        _ = held.Lengths.All(model.TryStore);
        held.Fill(kept);
        model.Fill(kept);
        Assert.True(held.Bytes >= 0.95 * model.Bytes, $"{held.Bytes} bytes fit, {model.Bytes} in a new pager");
        held.VerifySome();
    }

    [Fact]
    public void A_refused_swapoff_leaves_the_dead_space_of_every_page_size_to_be_recovered() =>
        // While it looks for room it empties a segment of small pages in the other file, through what is held back for such pages. The slot
        // that this frees then goes to a large page's segment; nothing of the small ones is written afterwards.
        Check(
            [
                new CapacityOp(CapacityAct.SwapOn, 0, 1),
                new CapacityOp(CapacityAct.Fill, 1, 0),
                new CapacityOp(CapacityAct.FreeEvery, 0, 11),
                new CapacityOp(CapacityAct.SwapOn, 0, 4),
                new CapacityOp(CapacityAct.Fill, 0, 0),
                new CapacityOp(CapacityAct.FreeEvery, 0, 6),
                new CapacityOp(CapacityAct.SwapOff, 0, 0),
            ],
            [Small, 16 << 10]);

    [Theory]
    [InlineData(Small)]
    [InlineData(16 << 10)]
    public void Dead_space_of_a_file_is_recovered_though_what_is_held_back_has_been_used(int other)
    {
        int after = More(lastResort: true);
        int fresh = More(lastResort: false);
        Assert.True(after >= 0.95 * fresh, $"{after} pages more can be stored, {fresh} where nothing was evicted as a last resort");

        int More(bool lastResort)
        {
            using var held = new HeldBytes(2 << 20, Small);
            held.Store(Small);
            held.Store(16 << 10);
            held.FreeEvery(1);
            held.Add(4 << 20);
            held.Fill(Small);
            int used = lastResort ? held.FillLastResort(Small) : 0;
            Assert.Equal(lastResort, used != 0);

            // What lies in the file, and nothing in memory: that would be cleaned without the file.
            held.FreeEvery(2, most: 700);
            int more = held.Fill(other);
            held.VerifySome();
            held.VerifyReserves();
            return more;
        }
    }

    [Theory]
    [InlineData(Small)]
    [InlineData(Small, 16 << 10)]
    [InlineData(3000, Small, Large)]
    public void After_any_history_as_much_fits_as_into_a_new_pager_with_the_same_pages(params int[] sizes) =>
        Seeded.Check(CasesOf(sizes), HistoryOf(sizes), Shrink, history => Check(history, sizes), shrinks: 50);

    private static int CasesOf(int[] sizes) =>
        int.TryParse(Environment.GetEnvironmentVariable("CAPACITY_CASES"), out int cases) ? cases : 6 + sizes.Length;

    private static void Check(CapacityOp[] history, int[] sizes)
    {
        const int Pool = 2 << 20;
        using var held = new HeldBytes(Pool, Small);
        foreach (int size in sizes)
            held.Store(size);
        foreach (CapacityOp op in history)
        {
            held.Apply(op, sizes);
            held.VerifyReserves();
        }

        int last = sizes[history.Length % sizes.Length];

        using var model = new HeldBytes(Pool, Small);
        foreach (long bytes in held.Files)
            model.Add(bytes);
        foreach (int size in sizes)
            model.Store(size);
        model.FreeEvery(1);
        _ = held.Lengths.All(model.TryStore);
        long live = held.Bytes;
        int more = held.Fill(last);
        int expected = model.Fill(last);
        Assert.True(
            held.Bytes >= 0.95 * model.Bytes,
            $"{live} bytes alive; {more} pages of {last} more make {held.Bytes}, in a new pager {expected} make {model.Bytes}");
        held.VerifySome();
        held.VerifyReserves();
    }

    private static Gen<CapacityOp[]> HistoryOf(int[] sizes)
    {
        Gen<CapacityOp> op =
            from act in Gen.Frequency(
                (6, Gen.Constant(CapacityAct.Store)),
                (3, Gen.Constant(CapacityAct.Fill)),
                (5, Gen.Constant(CapacityAct.FreeEvery)),
                (2, Gen.Constant(CapacityAct.FreeRandom)),
                (2, Gen.Constant(CapacityAct.SwapOn)),
                (1, Gen.Constant(CapacityAct.SwapOff)))
            from size in Gen.Choose(0, sizes.Length - 1)
            from amount in Gen.Choose(0, 1000)
            select new CapacityOp(act, size, amount);
        return
            from ops in Gen.ListOf(op, 14)
            select (CapacityOp[])[new CapacityOp(CapacityAct.SwapOn, 0, 3), .. ops];
    }

    private static IEnumerable<CapacityOp[]> Shrink(CapacityOp[] ops) =>
        Seeded.Shrink(ops, op => Seeded.Shrink(op.Amount).Select(a => op with { Amount = a }));
}

internal enum CapacityAct
{
    Store,
    Fill,
    FreeEvery,
    FreeRandom,
    SwapOn,
    SwapOff,
}

internal readonly record struct CapacityOp(CapacityAct Act, int Size, int Amount);

/// <summary>A pager without background threads, files in memory, and the noise that is stored in it.</summary>
internal sealed class HeldBytes : IDisposable
{
    private const int MostFiles = 4;
    private readonly Pager _pager;
    private readonly List<(SwapId Id, int Length, int Seed)> _live = [];
    private readonly List<SwapFile> _files = [];
    private int _seed;

    public HeldBytes(long poolBytes, int pageBytes) => _pager = new Pager(new PagerOptions
    {
        ResidentBytes = 1 << 20,
        PoolBytes = poolBytes,
        PageBytes = pageBytes,
        BackgroundThreads = 0,
        Compression = CompressionGoal.None,
    });

    public long Bytes => _live.Sum(static page => (long)page.Length);

    public IEnumerable<int> Lengths => _live.Select(static page => page.Length);

    public IEnumerable<long> Files => _files.Select(static file => file.Bytes);

    public void Add(long bytes) => _files.Add(Internals.AddDevice(Internals.Domain(_pager), new MemoryDevice(bytes)));

    public void Store(int length) => Assert.True(TryStore(length));

    /// <returns>How many pages it took.</returns>
    public int Fill(int length)
    {
        int count = 0;
        for (; TryStore(length); count++)
            Assert.True(count < 1 << 20, "nothing is refused");
        return count;
    }

    public void FreeAll(int length)
    {
        foreach ((SwapId id, _, _) in _live.Where(page => page.Length == length))
            _pager.Swap.Free(id);
        _live.RemoveAll(page => page.Length == length);
    }

    /// <summary>Stores as evictions of last resort do, until that is refused.</summary>
    /// <returns>How many pages it took.</returns>
    public unsafe int FillLastResort(int length)
    {
        SwapStore swap = Internals.Domain(_pager).Swap;
        for (int count = 0; ; count++)
        {
            StoreTicket ticket = swap.Prepare(length, StoreLevel.LastResort, isPublic: true);
            if (ticket.Writer is null)
            {
                swap.Cancel(ticket);
                return count;
            }

            fixed (byte* page = Noise(_seed, length))
            {
                uint index = swap.Store(ticket, page, length, Internals.Domain(_pager).Policies[0]);
                _live.Add((new SwapId(swap.Descriptors.Id(index)), length, _seed++));
            }
        }
    }

    /// <summary>Frees each n-th of the pages stored first, or of all.</summary>
    public void FreeEvery(int n, int most = int.MaxValue)
    {
        int end = Math.Min(most, _live.Count);
        for (int i = 0; i < end; i += n)
            _pager.Swap.Free(_live[i].Id);
        int place = -1;
        _live.RemoveAll(_ => ++place < end && place % n == 0);
    }

    public void Apply(CapacityOp op, int[] sizes)
    {
        int size = sizes[op.Size];
        switch (op.Act)
        {
            case CapacityAct.Store:
                for (int i = 0; i < (op.Amount << 12) / size && TryStore(size); i++)
                {
                }

                break;
            case CapacityAct.Fill:
                Fill(size);
                break;
            case CapacityAct.FreeEvery:
                FreeEvery(1 + (op.Amount % 19));
                break;
            case CapacityAct.FreeRandom:
                var random = new Random(op.Amount);
                for (int i = _live.Count - 1; i >= 0; i--)
                {
                    if (random.Next(1000) < op.Amount)
                    {
                        _pager.Swap.Free(_live[i].Id);
                        _live.RemoveAt(i);
                    }
                }

                break;
            case CapacityAct.SwapOn when _files.Count < MostFiles:
                Add((1 + (op.Amount % 5)) << 20);
                break;
            case CapacityAct.SwapOff when _files.Count > 0:
                int which = op.Amount % _files.Count;
                try
                {
                    _pager.RemoveSwapFileAsync(_files[which], TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();
                    _files.RemoveAt(which);
                }
                catch (OutOfPagingSpaceException)
                {
                }

                break;
        }
    }

    /// <summary>What is held back is there, or can be had of the budget.</summary>
    public void VerifyReserves()
    {
        SwapStore swap = Internals.Domain(_pager).Swap;
        foreach (SegmentLog? log in swap.Segments.Logs)
        {
            long missing = (log!.Chunks.HeldBack - Internals.FreeCount(log.Chunks)) * ((long)log.SegmentBytes + Segment.Size);
            Assert.True(
                missing <= swap.Budget.RemainingBytes,
                $"{Internals.FreeCount(log.Chunks)} of {log.Chunks.HeldBack} segments are held back for pages of up to {log.Geometry.MaxPage} bytes");
        }
    }

    public void VerifySome()
    {
        byte[] read = new byte[64 << 10];
        for (int i = 0; i < _live.Count; i += 7)
        {
            (SwapId id, int length, int seed) = _live[i];
            Assert.Equal(length, _pager.Swap.Load(id, read));
            Assert.True(Noise(seed, length).AsSpan().SequenceEqual(read.AsSpan(0, length)), $"page {i} holds something else");
        }
    }

    public void Dispose() => _pager.Dispose();

    private static byte[] Noise(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public bool TryStore(int length)
    {
        try
        {
            _live.Add((_pager.Swap.Store(Noise(_seed, length)), length, _seed));
            _seed++;
            return true;
        }
        catch (OutOfPagingSpaceException)
        {
            return false;
        }
    }
}
