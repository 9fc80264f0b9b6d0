using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Codecs;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Damage = Paging.Tests.Protocol.Damage;

namespace Paging.Tests.Face;

/// <summary>Goals and filters as a program sees them: what an array holds, and what it takes.</summary>
public sealed unsafe class CompressionTests
{
    private const int PageBytes = 4 << 10;
    private const int Frames = 16;
    private const int Pages = 5 * Frames;

    private readonly record struct Vector(float X, float Y, float Z);

    [InlineArray(7)]
    private struct Particle
    {
        private int _first;
    }

    public static TheoryData<CompressionGoal> Goals => [.. Enum.GetValues<CompressionGoal>()];

    public static TheoryData<CompressionGoal, PageFilter?> Ways
    {
        get
        {
            var ways = new TheoryData<CompressionGoal, PageFilter?>();
            foreach (CompressionGoal goal in Enum.GetValues<CompressionGoal>())
            {
                ways.Add(goal, null);
                foreach (PageFilter filter in Enum.GetValues<PageFilter>())
                    ways.Add(goal, filter);
            }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Arrays_of_any_element_hold_what_was_written(CompressionGoal goal, PageFilter? filter) => Seeded.Run(seed =>
    {
        using Pager pager = Make(CompressionGoal.Balanced);
        var options = new PagedArrayOptions { Compression = goal, Filter = filter };
        HoldsWhatWasWritten<byte>(pager, options, seed);
        HoldsWhatWasWritten<float>(pager, options, seed);
        HoldsWhatWasWritten<double>(pager, options, seed);
        HoldsWhatWasWritten<Vector>(pager, options, seed);
        HoldsWhatWasWritten<Particle>(pager, options, seed);
    });

    [Theory]
    [InlineData(64 << 10)]
    [InlineData(256 << 10)]
    [InlineData(4 << 20)]
    public void Long_pages_hold_what_was_written(int pageBytes) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 4L * pageBytes,
            PoolBytes = 40L * pageBytes,
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        foreach (CompressionGoal goal in (CompressionGoal[])[CompressionGoal.Balanced, CompressionGoal.Ratio])
        {
            using PagedArray<double> array = pager.Allocate<double>(7L * pageBytes / sizeof(double), new PagedArrayOptions { Compression = goal });
            byte[][] pages = [.. Enumerable.Range(0, 7).Select(_ => PageKinds.Any(ref rng, pageBytes))];
            WriteAll(array, pages);
            AssertHolds(array, pages);
        }
    });

    [Fact]
    public void A_goal_that_changes_counts_for_what_is_stored_from_then_on()
    {
        using Pager pager = Make(CompressionGoal.None);
        using PagedArray<byte> array = pager.Allocate<byte>(Pages * PageBytes);
        Assert.Equal(CompressionGoal.None, array.Compression);
        byte[][] text = [.. Enumerable.Range(0, Pages).Select(Text)];
        WriteAll(array, text);
        long raw = pager.GetStatistics().PoolStoredBytes;
        Assert.True(raw >= (Pages - Frames) * PageBytes, $"{raw} bytes are stored");

        array.Compression = CompressionGoal.Ratio;
        Assert.Equal(CompressionGoal.Ratio, array.Compression);
        AssertHolds(array, text);
        WriteAll(array, text);
        WriteAll(array, text);
        long small = pager.GetStatistics().PoolStoredBytes;
        Assert.InRange(small, 1, raw * 6 / 10);

        array.Compression = CompressionGoal.None;
        AssertHolds(array, text);
        WriteAll(array, text);
        WriteAll(array, text);
        Assert.True(pager.GetStatistics().PoolStoredBytes >= raw);
        AssertHolds(array, text);
    }

    [Fact]
    public void No_compression_stores_pages_as_they_are_and_patterns_for_nothing()
    {
        using Pager pager = Make(CompressionGoal.None);
        using PagedArray<byte> array = pager.Allocate<byte>(Pages * PageBytes);
        WriteAll(array, [.. Enumerable.Range(0, Pages).Select(Text)]);
        PagerStatistics now = pager.GetStatistics();
        Assert.InRange(now.IncompressiblePages, Pages - Frames, Pages);
        Assert.Equal(now.PoolLogicalBytes, now.PoolStoredBytes);

        array.Fill(0, array.Length, 0x5A);
        array.Read(0).Dispose();
        using PagedArray<byte> other = pager.Allocate<byte>(2 * Frames * PageBytes);
        WriteAll(other, [.. Enumerable.Range(0, 2 * Frames).Select(_ => new byte[PageBytes])]);
        now = pager.GetStatistics();
        Assert.True(now is { PoolStoredBytes: 0, IncompressiblePages: 0 } && now.SameFilledPages >= Pages - Frames, now.ToString());
    }

    [Fact]
    public void Floats_that_LZ4_does_not_shrink_shrink_behind_the_filter_that_is_chosen()
    {
        Assert.Equal(Pages, StoredRaw(PageFilter.None, out _));
        Assert.Equal(0, StoredRaw(filter: null, out double chosen));
        Assert.InRange(chosen, 0.1, 0.8);

        // Numbers of one magnitude: only their high bytes are alike.
        static long StoredRaw(PageFilter? filter, out double ratio)
        {
            using Pager pager = Make(CompressionGoal.Balanced);
            using PagedArray<float> array = pager.Allocate<float>(Pages * PageBytes / sizeof(float), new PagedArrayOptions { Filter = filter });
            WriteAll(array, [.. Enumerable.Range(0, Pages).Select(Floats)]);
            Internals.PageOutAll(Internals.Domain(pager));
            PagerStatistics now = pager.GetStatistics();
            Assert.Equal(Pages * PageBytes, now.PoolLogicalBytes);
            ratio = now.PoolStoredBytes / (double)now.PoolLogicalBytes;
            AssertHolds(array, [.. Enumerable.Range(0, Pages).Select(Floats)]);
            return now.IncompressiblePages;
        }
    }

    [Fact]
    public void Pages_that_are_stored_by_id_follow_the_goal_of_the_pager()
    {
        long[] stored = [.. Enum.GetValues<CompressionGoal>().Select(static goal =>
        {
            using Pager pager = Make(goal);
            List<SwapId> ids = [.. Enumerable.Range(0, 40).Select(i => pager.Swap.Store(Text(i)))];
            var read = new byte[PageBytes];
            for (int i = 0; i < ids.Count; i++)
            {
                Assert.Equal(PageBytes, pager.Swap.Load(ids[i], read));
                Assert.Equal(Text(i), read);
            }

            return pager.GetStatistics().PoolStoredBytes;
        })];
        Assert.Equal(40 * PageBytes, stored[(int)CompressionGoal.None]);
        Assert.InRange(stored[(int)CompressionGoal.Speed], 1, stored[(int)CompressionGoal.None] * 17 / 20);
        Assert.InRange(stored[(int)CompressionGoal.Balanced], 1, stored[(int)CompressionGoal.None] * 3 / 4);
        Assert.InRange(stored[(int)CompressionGoal.Ratio], 1, stored[(int)CompressionGoal.Balanced] * 9 / 10);
    }

    [Theory]
    [MemberData(nameof(Goals))]
    public void An_array_and_a_matrix_have_their_own_goal_or_that_of_the_pager(CompressionGoal goal)
    {
        using Pager pager = Make(goal);
        using PagedArray<int> array = pager.Allocate<int>(10);
        using PagedMatrix<int> matrix = pager.AllocateMatrix<int>(10, 10);
        Assert.Equal((goal, goal), (array.Compression, matrix.Compression));
        foreach (CompressionGoal other in Enum.GetValues<CompressionGoal>())
        {
            var options = new PagedArrayOptions { Compression = other };
            using PagedArray<int> otherArray = pager.Allocate<int>(10, options);
            using PagedMatrix<int> otherMatrix = pager.AllocateMatrix<int>(10, 10, options);
            using PagedArray<int> from = pager.From<int>(new int[] { 1, 2, 3 }, options);
            Assert.Equal((other, other, other), (otherArray.Compression, otherMatrix.Compression, from.Compression));
            matrix.Compression = other;
            Assert.Equal((other, goal), (matrix.Compression, array.Compression));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_matrix_holds_what_was_written(CompressionGoal goal, PageFilter? filter)
    {
        using Pager pager = Make(CompressionGoal.Speed);
        using PagedMatrix<double> matrix = pager.AllocateMatrix<double>(
            3 * Pages, 150, new PagedArrayOptions { Compression = goal, Filter = filter });
        var row = new double[150];
        for (long i = 0; i < matrix.Rows; i++)
        {
            PageKinds.Ramp(i, MemoryMarshal.AsBytes(row.AsSpan()));
            using WriteLease<double> lease = matrix.WriteRow(i);
            row.CopyTo(lease.Span);
        }

        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(goal == CompressionGoal.None, now.IncompressiblePages >= matrix.Rows / 3 - Frames);
        for (long i = 0; i < matrix.Rows; i++)
        {
            PageKinds.Ramp(i, MemoryMarshal.AsBytes(row.AsSpan()));
            using ReadLease<double> lease = matrix.ReadRow(i);
            Assert.True(lease.Span.SequenceEqual(row), $"Row {i} is not what was written.");
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void Values_that_are_none_are_refused_with_the_figure(int value)
    {
        using var working = new Working();
        Pager pager = working.Pager;
        var goal = new PagedArrayOptions { Compression = (CompressionGoal)value };
        var filter = new PagedArrayOptions { Filter = (PageFilter)value };
        using PagedMatrix<int> matrix = pager.AllocateMatrix<int>(10, 10);
        Refused(() => Make((CompressionGoal)value).Dispose(), nameof(PagerOptions.Compression));
        foreach ((PagedArrayOptions options, string name) in
            ((PagedArrayOptions, string)[])[(goal, nameof(goal.Compression)), (filter, nameof(filter.Filter))])
        {
            Refused(() => pager.Allocate<int>(10, options), name);
            Refused(() => pager.From<int>(new int[10], options), name);
            Refused(() => pager.AllocateMatrix<int>(10, 10, options), name);
        }

        Refused(() => working.Array.Compression = (CompressionGoal)value, nameof(PagerOptions.Compression));
        Refused(() => matrix.Compression = (CompressionGoal)value, nameof(PagerOptions.Compression));
        Assert.Equal((CompressionGoal.Balanced, CompressionGoal.Balanced), (working.Array.Compression, matrix.Compression));
        working.IsWhole();

        void Refused(Action action, string name)
        {
            var e = Assert.Throws<ArgumentOutOfRangeException>(action);
            Expect.Figure(value, e.Message);
            Assert.Contains(name, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(CompressionGoal.Speed, PageFilter.Shuffle)]
    [InlineData(CompressionGoal.Balanced, PageFilter.Delta)]
    [InlineData(CompressionGoal.Balanced, PageFilter.BitShuffle)]
    [InlineData(CompressionGoal.Ratio, PageFilter.None)]
    [InlineData(CompressionGoal.Ratio, PageFilter.Delta)]
    public void A_damaged_page_is_reported_whatever_it_went_through(CompressionGoal goal, PageFilter filter) => Seeded.Run(seed =>
    {
        // Of the ramps that are stored, none takes less.
        const int LeastStored = 24;
        var rng = new Rng(seed);
        using Pager pager = Make(CompressionGoal.Balanced);
        using PagedArray<long> array = pager.Allocate<long>(
            Pages * PageBytes / sizeof(long), new PagedArrayOptions { Name = "damaged", Compression = goal, Filter = filter });
        byte[][] pages = [.. Enumerable.Range(0, Pages).Select(Ramp)];
        WriteAll(array, pages);
        PagedRegion region = Internals.Pages(array).Region;
        int damaged = 0;
        for (int page = 0; page < Pages; page++)
        {
            ulong word = region.Load(page);
            if (PageWord.State(word) != PageState.Swapped || page % 2 == 0)
                continue;
            Damage.FlipBodyBit(Internals.Domain(pager).Swap, PageWord.Stored(word), rng.Next(8 * LeastStored));
            long start = (long)page * array.PageLength;
            var e = Assert.Throws<PageCorruptedException>(() => array[start]);
            Assert.Equal(("damaged", page), (e.ArrayName, (int)e.PageIndex));
            Assert.Throws<PageCorruptedException>(() => array.Read(start).Dispose());
            Assert.Equal(PageState.Swapped, PageWord.State(region.Load(page)));
            array.CopyFrom(start, MemoryMarshal.Cast<byte, long>(pages[page]));
            damaged++;
        }

        Assert.InRange(damaged, Pages / 4, Pages);
        Assert.True(pager.GetStatistics().CorruptedPages >= damaged);
        AssertHolds(array, pages);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Patterns_of_up_to_16_bytes_take_no_space_whatever_is_asked_for(int period) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        foreach (CompressionGoal goal in Enum.GetValues<CompressionGoal>())
        {
            using Pager pager = Make(goal);
            using PagedArray<byte> array = pager.Allocate<byte>(Pages * PageBytes, new PagedArrayOptions { Filter = PageFilter.Delta });
            byte[][] pages = [.. Enumerable.Range(0, Pages).Select(_ => Pattern(ref rng, period, PageBytes))];
            WriteAll(array, pages);
            var stored = new List<(SwapId Id, byte[] Page)>();
            foreach (int length in (int[])[1, 2, 15, 16, 17, 31, 32, 33, 100, 4095, 4096, 4097, 65_537, 1 + rng.Next(100_000)])
            {
                byte[] page = Pattern(ref rng, period, length);
                stored.Add((pager.Swap.Store(page), page));
            }

            PagerStatistics now = pager.GetStatistics();
            Assert.True(
                now is { PoolStoredBytes: 0, IncompressiblePages: 0 } && now.SameFilledPages >= Pages - Frames + stored.Count, now.ToString());
            AssertHolds(array, pages);
            foreach ((SwapId id, byte[] page) in stored)
            {
                var read = new byte[page.Length];
                Assert.Equal(page.Length, pager.Swap.Load(id, read));
                Assert.Equal(page, read);
            }
        }
    });

    [Fact]
    public void A_page_that_leaves_its_pattern_anywhere_is_no_pattern() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        using Pager pager = Make(CompressionGoal.Balanced);
        foreach (int length in (int[])[33, 40, 63, 64, 65, 1000, 4095, 4096, 4097, 65_537])
        {
            foreach (int at in (int[])[0, 1, 15, 16, 17, 31, 32, length - 17, length - 16, length - 2, length - 1, rng.Next(length)])
            {
                byte[] page = Pattern(ref rng, 1 << rng.Next(5), length);
                page[at] ^= (byte)(1 << rng.Next(8));
                SwapId id = pager.Swap.Store(page);
                PagerStatistics now = pager.GetStatistics();
                Assert.True(now is { SameFilledPages: 0, PoolStoredBytes: > 0 }, $"{length} bytes that differ at {at}: {now}");
                var read = new byte[length];
                Assert.Equal(length, pager.Swap.Load(id, read));
                Assert.Equal(page, read);
                pager.Swap.Free(id);
            }
        }
    });

    private static Pager Make(CompressionGoal goal) => new(new PagerOptions
    {
        ResidentBytes = Frames * PageBytes,
        PoolBytes = 8 << 20,
        PageBytes = PageBytes,
        Compression = goal,
        BackgroundThreads = 0,
    });

    private static byte[] Text(int salt)
    {
        byte[] page = new byte[PageBytes];
        Content.Write<byte>(ContentKind.Text, (ulong)salt, page);
        return page;
    }

    private static byte[] Ramp(int number)
    {
        byte[] page = new byte[PageBytes];
        PageKinds.Ramp(number, page);
        return page;
    }

    private static byte[] Floats(int salt)
    {
        var rng = new Rng((ulong)salt);
        float[] page = [.. Enumerable.Range(0, PageBytes / sizeof(float)).Select(_ => 1 + (rng.Next(1 << 23) / (float)(1 << 23)))];
        return MemoryMarshal.AsBytes(page.AsSpan()).ToArray();
    }

    private static byte[] Pattern(ref Rng rng, int period, int length)
    {
        byte[] pattern = new byte[period];
        Content.Write<byte>(ContentKind.Noise, rng.Next(), pattern);
        return [.. Enumerable.Range(0, length).Select(i => pattern[i % period])];
    }

    private static void HoldsWhatWasWritten<T>(Pager pager, PagedArrayOptions options, ulong seed)
        where T : unmanaged
    {
        var rng = new Rng(seed);
        int bytes = PageBytes / sizeof(T) * sizeof(T);
        using PagedArray<T> array = pager.Allocate<T>((long)Pages * (PageBytes / sizeof(T)), options);
        byte[][] pages = [.. Enumerable.Range(0, Pages).Select(_ => PageKinds.Any(ref rng, bytes))];
        WriteAll(array, pages);
        AssertHolds(array, pages);
        for (int i = 0; i < Pages; i += 3)
        {
            pages[i] = PageKinds.Any(ref rng, bytes);
            array.CopyFrom((long)i * array.PageLength, MemoryMarshal.Cast<byte, T>(pages[i]));
        }

        AssertHolds(array, pages);
    }

    private static void WriteAll<T>(PagedArray<T> array, byte[][] pages)
        where T : unmanaged
    {
        for (int i = 0; i < pages.Length; i++)
        {
            using WriteLease<T> lease = array.Write((long)i * array.PageLength);
            MemoryMarshal.Cast<byte, T>(pages[i]).CopyTo(lease.Span);
        }
    }

    private static void AssertHolds<T>(PagedArray<T> array, byte[][] pages)
        where T : unmanaged
    {
        for (int i = 0; i < pages.Length; i++)
        {
            using ReadLease<T> lease = array.Read((long)i * array.PageLength);
            if (!MemoryMarshal.AsBytes(lease.Span).SequenceEqual(pages[i]))
                Assert.Fail($"Page {i} is not what was written.");
        }
    }
}
