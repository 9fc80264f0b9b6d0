using Paging.Stress.Driver;

namespace Paging.Tests.Face;

/// <summary>Orders of rows: every row once, the same on every machine and for ever, and as random as they are said to be.</summary>
public class RowOrderTests
{
    /// <summary>Some rows, blocks and windows: whole and not, of one, and more than there are.</summary>
    public static TheoryData<long, int, int> Shapes => new()
    {
        { 1, 1, 1 }, { 1, 5, 5 }, { 2, 1, 1 }, { 7, 3, 1 }, { 7, 3, 2 }, { 8, 4, 1 }, { 23, 4, 2 }, { 23, 4, 3 }, { 24, 4, 2 },
        { 25, 4, 2 }, { 100, 1, 7 },
        { 100, 7, 1 }, { 100, 100, 3 }, { 100, 99, 1 }, { 100, 3, 100 }, { 1000, 16, 8 }, { 1001, 16, 200 }, { 4096, 64, 16 }, { 5000, 9, 150 },
        { 64, int.MaxValue, int.MaxValue },
    };

    /// <summary>Computed by another program, from the description of the format. They must never change: orders are stored as seed, epoch and
    /// position in checkpoints of trainings.</summary>
    [Fact]
    public void The_format_is_frozen()
    {
        Assert.Equal([5, 2, 6, 0, 1, 3, 4], All(RowOrder.Shuffled(7, 0), 0));
        Assert.Equal([4, 6, 7, 3, 9, 8, 5, 2], Some(RowOrder.Shuffled(10, 1), 0, 0));
        Assert.Equal([2, 0, 8, 1, 5, 9, 4, 6], Some(RowOrder.Shuffled(10, 1), 1, 0));
        Assert.Equal([43, 197, 902, 12, 804, 346, 838, 630], Some(RowOrder.Shuffled(1000, 42), 3, 0));
        Assert.Equal(
            [852068222607, 408471512780, 90689387101, 64611178670, 961786999206, 1088417483594, 341674014926, 743149486148],
            Some(RowOrder.Shuffled(1L << 40, 7), 0, 0));
        var longest = RowOrder.Shuffled(long.MaxValue, ulong.MaxValue);
        Assert.Equal(
            [3788415695782973348, 2432038717784271854, 1136594186554588678, 6637535453774310025],
            Some(longest, long.MaxValue, 0)[..4]);
        Assert.Equal([714029944202199351], Some(longest, long.MaxValue, long.MaxValue - 1));
        Assert.Equal(13333811845320931279, Hash(All(RowOrder.Shuffled(100003, 12), 4)));

        Assert.Equal([2, 0, 12, 14, 1, 13, 3, 15, 19, 20, 16, 22, 21, 17, 18, 10, 9, 8, 5, 6, 11, 4, 7], All(RowOrder.BlockShuffled(23, 5, 4, 2), 0));
        Assert.Equal([20, 0, 3, 22, 2, 1, 21, 8, 5, 6, 10, 9, 4, 7, 11, 15, 14, 19, 18, 17, 12, 16, 13], All(RowOrder.BlockShuffled(23, 5, 4, 2), 1));
        Assert.Equal([118, 566, 887, 16, 27, 826, 893, 575], Some(RowOrder.BlockShuffled(1000, 9, 16, 8), 5, 0));
        Assert.Equal([865, 99, 111, 873], Some(RowOrder.BlockShuffled(1000, 9, 16, 8), 5, 500)[..4]);
        Assert.Equal(1087474895138618914UL, Hash(All(RowOrder.BlockShuffled(1000, 9, 16, 8), 5)));
        Assert.Equal(3818293429287618268UL, Hash(All(RowOrder.BlockShuffled(100003, 11, 64, 16), 2)));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_row_comes_once_an_epoch(long rows, int blockRows, int windowBlocks)
    {
        foreach (RowOrder order in new[]
            { RowOrder.Sequential(rows), RowOrder.Shuffled(rows, 3), RowOrder.BlockShuffled(rows, 3, blockRows, windowBlocks) })
        {
            Assert.Equal(rows, order.Rows);
            for (long epoch = 0; epoch < 3; epoch++)
                Assert.Equal(Enumerable.Range(0, (int)rows).Select(static i => (long)i), All(order, epoch).Order());
        }

        Assert.Equal(Enumerable.Range(0, (int)rows).Select(static i => (long)i), All(RowOrder.Sequential(rows), 7));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void An_epoch_can_be_taken_up_anywhere(long rows, int blockRows, int windowBlocks)
    {
        var rng = new Rng(7);
        foreach (RowOrder order in new[]
            { RowOrder.Sequential(rows), RowOrder.Shuffled(rows, 8), RowOrder.BlockShuffled(rows, 8, blockRows, windowBlocks) })
        {
            long[] all = All(order, 2);
            var some = new long[rows + 3];
            for (int i = 0; i < 50; i++)
            {
                int position = (int)rng.Next(rows + 1);
                int length = (int)rng.Next(rows + 4);
                int count = order.CopyTo(2, position, some.AsSpan(0, length));
                Assert.Equal(Math.Min(length, rows - position), count);
                Assert.Equal(all[position..(position + count)], some[..count]);
            }
        }
    }

    /// <summary>What is brought in ahead for a window is what its batches are made of.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_runs_of_a_window_are_its_rows(long rows, int blockRows, int windowBlocks)
    {
        foreach (RowOrder order in new[] { RowOrder.Sequential(rows), RowOrder.BlockShuffled(rows, 8, blockRows, windowBlocks) })
        {
            Assert.True(order.IsLocal);
            long[] all = All(order, 3);
            var windows = new EpochWindows(order, 3, windowRows: Math.Min(rows, blockRows));
            long window = -1;
            var left = new HashSet<long>();
            for (int position = 0; position < all.Length; position++)
            {
                long at = windows.At(position);
                if (at != window)
                {
                    Assert.Equal((window + 1, 0), (at, left.Count));
                    window = at;
                    for (long run = 0; run < windows.RunsIn(at); run++)
                    {
                        (long first, long count) = windows.RunAt(at, run);
                        for (long row = first; row < first + count; row++)
                            Assert.True(left.Add(row));
                    }
                }

                Assert.True(left.Remove(all[position]));
            }

            Assert.Empty(left);
            Assert.Equal(windows.Count, window + 1);
        }

        Assert.False(RowOrder.Shuffled(rows, 8).IsLocal);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Windows_are_of_whole_blocks(long rows, int blockRows, int windowBlocks)
    {
        long[] all = All(RowOrder.BlockShuffled(rows, 99, blockRows, windowBlocks), 1);
        int blocks = 0;
        for (int at = 0; at < all.Length;)
        {
            // As many rows as the blocks have whose first rows come next, or fewer if the short one is among them.
            var seen = new HashSet<long>();
            long left = 0;
            do
            {
                if (seen.Add(all[at] / blockRows))
                    left += Math.Min(blockRows, rows - (all[at] / blockRows * blockRows));
                left--;
                at++;
            }
            while (at < all.Length && (left > 0 || seen.Count < windowBlocks));

            Assert.Equal(0, left);
            Assert.True(seen.Count <= windowBlocks, $"{seen.Count} blocks in a window of {windowBlocks}.");
            blocks += seen.Count;
        }

        Assert.Equal((rows - 1) / blockRows + 1, blocks);
    }

    [Fact]
    public void Orders_of_the_largest_numbers_are_within_their_rows()
    {
        var rows = new long[500];
        foreach (long count in new[] { long.MaxValue, long.MaxValue - 1, (1L << 62) + 1, 1L << 62, (1L << 33) + 5 })
        {
            foreach (RowOrder order in new[]
                { RowOrder.Shuffled(count, 1), RowOrder.BlockShuffled(count, 1, int.MaxValue, int.MaxValue),
                  RowOrder.BlockShuffled(count, 1, 3, 5), RowOrder.Sequential(count) })
            {
                foreach (long position in new[] { 0, 1, count / 2, count - 400 })
                {
                    int expected = (int)Math.Min(500, count - position);
                    Assert.Equal(expected, order.CopyTo(3, position, rows));
                    Assert.Equal(expected, rows.Take(expected).Distinct().Count());
                    Assert.All(rows.Take(expected), row => Assert.InRange(row, 0, count - 1));
                }

                Assert.Equal(0, order.CopyTo(3, count, rows));
            }
        }
    }

    /// <summary>Chi-square over how often each row comes at each position in many epochs; the seed is fixed, so that it is the same in every run.
    /// For as many degrees of freedom as there are the distribution is nearly normal: five deviations are nothing that chance does.</summary>
    [Theory]
    [InlineData(2, 4000)]
    [InlineData(3, 4000)]
    [InlineData(5, 8000)]
    [InlineData(8, 8000)]
    [InlineData(37, 8000)]
    [InlineData(100, 4000)]
    [InlineData(150, 4000)]
    public void Every_row_comes_anywhere_as_often(int rows, int epochs)
    {
        var order = RowOrder.Shuffled(rows, 5);
        var blocks = RowOrder.BlockShuffled(rows, 5, 1, rows);
        var seen = new int[2, rows, rows];
        var row = new long[rows];
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            order.CopyTo(epoch, 0, row);
            for (int i = 0; i < rows; i++)
                seen[0, i, row[i]]++;
            blocks.CopyTo(epoch, 0, row);
            for (int i = 0; i < rows; i++)
                seen[1, i, row[i]]++;
        }

        double expected = (double)epochs / rows;
        for (int kind = 0; kind < 2; kind++)
        {
            double chi = 0;
            for (int i = 0; i < rows; i++)
            {
                for (int j = 0; j < rows; j++)
                    chi += Math.Pow(seen[kind, i, j] - expected, 2) / expected;
            }

            AssertChance(chi, (rows - 1) * (rows - 1));
        }
    }

    /// <summary>Not only the places of single rows: each of the 120 orders of five rows comes as often.</summary>
    [Fact]
    public void Every_permutation_of_few_rows_comes_as_often()
    {
        const int Epochs = 24000;
        var order = RowOrder.Shuffled(5, 3);
        var seen = new Dictionary<string, int>();
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            string key = string.Concat(All(order, epoch));
            seen[key] = seen.GetValueOrDefault(key) + 1;
        }

        Assert.Equal(120, seen.Count);
        AssertChance(seen.Values.Sum(static n => Math.Pow(n - (Epochs / 120.0), 2) / (Epochs / 120.0)), 119);
    }

    /// <summary>Chi-square over the differences of neighbours, in sixteen ranges: a row says nothing of the one that follows.</summary>
    [Fact]
    public void Neighbours_in_the_order_are_no_neighbours_in_the_matrix()
    {
        const int Rows = 1 << 16;
        long[] all = All(RowOrder.Shuffled(Rows, 6), 0);
        var seen = new int[16];
        for (int i = 1; i < Rows; i++)
            seen[((all[i] - all[i - 1]) & (Rows - 1)) * 16 / Rows]++;
        AssertChance(seen.Sum(static n => Math.Pow(n - ((Rows - 1) / 16.0), 2) / ((Rows - 1) / 16.0)), 15);
    }

    [Fact]
    public void Seeds_and_epochs_give_different_orders()
    {
        var seen = new HashSet<ulong>();
        for (ulong seed = 0; seed < 20; seed++)
        {
            for (int epoch = 0; epoch < 20; epoch++)
            {
                Assert.True(seen.Add(Hash(All(RowOrder.Shuffled(100, seed), epoch))));
                Assert.True(seen.Add(Hash(All(RowOrder.BlockShuffled(100, seed, 5, 4), epoch))));
            }
        }
    }

    [Fact]
    public void What_is_out_of_range_is_refused_with_the_figure()
    {
        foreach (long rows in new[] { 0, -1, long.MinValue })
        {
            Assert.Equal(rows, Assert.Throws<ArgumentOutOfRangeException>("rows", () => RowOrder.Sequential(rows)).ActualValue);
            Assert.Equal(rows, Assert.Throws<ArgumentOutOfRangeException>("rows", () => RowOrder.Shuffled(rows, 1)).ActualValue);
            Assert.Equal(rows, Assert.Throws<ArgumentOutOfRangeException>("rows", () => RowOrder.BlockShuffled(rows, 1, 1, 1)).ActualValue);
        }

        Assert.Equal(0, Assert.Throws<ArgumentOutOfRangeException>("blockRows", () => RowOrder.BlockShuffled(10, 1, 0, 1)).ActualValue);
        Assert.Equal(-3, Assert.Throws<ArgumentOutOfRangeException>("windowBlocks", () => RowOrder.BlockShuffled(10, 1, 1, -3)).ActualValue);
        var order = RowOrder.Shuffled(10, 1);
        Assert.Equal(-1L, Assert.Throws<ArgumentOutOfRangeException>("epoch", () => order.CopyTo(-1, 0, new long[1])).ActualValue);
        Assert.Equal(-1L, Assert.Throws<ArgumentOutOfRangeException>("position", () => order.CopyTo(0, -1, new long[1])).ActualValue);
        Expect.Figure(10, Assert.Throws<ArgumentOutOfRangeException>("position", () => order.CopyTo(0, 11, new long[1])).Message);
        Assert.Equal(0, order.CopyTo(0, 10, new long[1]));
        Assert.Equal(0, order.CopyTo(0, 5, []));
    }

    internal static long[] All(RowOrder order, long epoch)
    {
        var rows = new long[order.Rows];
        Assert.Equal(rows.Length, order.CopyTo(epoch, 0, rows));
        return rows;
    }

    private static long[] Some(RowOrder order, long epoch, long position)
    {
        var rows = new long[8];
        return rows[..order.CopyTo(epoch, position, rows)];
    }

    /// <summary>Less than five standard deviations above what chance gives.</summary>
    private static void AssertChance(double chi, int freedom)
    {
        double deviations = (chi - freedom) / Math.Sqrt(2.0 * freedom);
        Assert.True(deviations < 5, $"Chi-square is {chi:0.0} with {freedom} degrees of freedom: {deviations:0.0} deviations.");
    }

    private static ulong Hash(long[] rows) => rows.Aggregate(0UL, static (hash, row) => RowPermutation.Absorb(hash, (ulong)row));
}
