using Paging.Stress.Driver;

namespace Paging.Tests.Face;

/// <summary>Ranges of rows: what they refuse, and what they cost.</summary>
public class MatrixRangeTests
{
    private const int Rows = 50;
    private const int Columns = 300;    // three rows in a page of 4 KiB, and 496 bytes behind them
    private const int Frames = 8;

    /// <summary>Starts and counts that are not within the matrix, some of which overflow when added or multiplied, and the parameter to
    /// blame.</summary>
    public static TheoryData<long, long, string> RangesOutside => new()
    {
        { -1, 1, "startRow" },
        { -1, 0, "startRow" },
        { long.MinValue, long.MaxValue, "startRow" },
        { Rows + 1, 0, "startRow" },
        { Rows + 1, 1, "startRow" },
        { 1L << 32, 1, "startRow" },
        { long.MaxValue, 1, "startRow" },
        { long.MaxValue, long.MaxValue, "startRow" },
        { Rows, 1, "rows" },
        { 0, Rows + 1, "rows" },
        { 1, Rows, "rows" },
        { 10, long.MaxValue, "rows" },
        { 10, long.MaxValue - 9, "rows" },
        { 10, (long.MaxValue / Columns) + 1, "rows" },
        { 0, -1, "rows" },
        { 10, -1, "rows" },
        { 10, long.MinValue, "rows" },
    };

    /// <summary>Rows and columns of matrices of floats in pages of 4 KiB.</summary>
    public static TheoryData<int, int> Shapes => new()
    {
        { 100, Columns },    // a gap, and one row in the last page
        { 40, 1000 },        // one row a page, and a gap
        { 40, 1024 },        // one row a page, all of it
        { 40, 1025 },        // one row a page of 8 KiB, half of it a gap
        { 40_000, 1 },       // one column, and a short last page
        { 20_001, 3 },       // 341 rows a page, four bytes behind them
        { 2, Columns },      // one page, which is short
    };

    [Theory]
    [MemberData(nameof(RangesOutside))]
    public void Rows_outside_the_matrix_are_refused_whole_and_named(long startRow, long rows, string parameter)
    {
        using var working = new Working();
        using PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(Rows, Columns);
        foreach (Action action in (Action[])[() => matrix.Fill(startRow, rows, 9), () => matrix.Discard(startRow, rows)])
        {
            var e = Assert.Throws<ArgumentOutOfRangeException>(action);
            Assert.Equal(parameter, e.ParamName);
            Assert.Equal(parameter == "rows" ? rows : startRow, e.ActualValue);
            Expect.Figure(startRow, e.Message);
            Expect.Figure(Rows, e.Message);
            if (parameter == "rows")
            {
                Expect.Figure(rows, e.Message);
                Expect.Figure(Rows - startRow, e.Message);
            }
        }

        if (rows is >= 0 and <= 2 * Rows)
        {
            var buffer = new int[rows * Columns];
            buffer.AsSpan().Fill(9);
            foreach (Action action in (Action[])[() => matrix.CopyTo(startRow, buffer), () => matrix.CopyFrom(startRow, buffer)])
            {
                var e = Assert.Throws<ArgumentOutOfRangeException>(action);
                Assert.Equal(("startRow", (object)startRow), (e.ParamName, e.ActualValue));
                Expect.Figure(startRow, e.Message);
                Expect.Figure(rows, e.Message);
                Expect.Figure(Rows, e.Message);
            }

            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept(9));
        }

        IsAllZero(matrix);
        working.IsWhole();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(Columns - 1)]
    [InlineData(Columns + 1)]
    [InlineData((3 * Columns) - 1)]
    [InlineData(1024)]    // as many as fit a page, padding and all
    public void A_span_that_is_no_whole_rows_is_refused_with_the_figures(int length)
    {
        using var working = new Working();
        using PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(Rows, Columns);
        var buffer = new int[length];
        buffer.AsSpan().Fill(9);
        foreach ((Action action, string parameter) in ((Action, string)[])
            [(() => matrix.CopyTo(0, buffer), "destination"), (() => matrix.CopyFrom(0, buffer), "source")])
        {
            var e = Assert.Throws<ArgumentException>(action);
            Assert.Equal(parameter, e.ParamName);
            Expect.Figure(length, e.Message);
            Expect.Figure(Columns, e.Message);
        }

        Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept(9));
        IsAllZero(matrix);
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(Rows - 1)]
    [InlineData(Rows)]
    public void An_empty_range_is_within_the_matrix_up_to_its_end(long startRow)
    {
        using var working = new Working();
        using PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(Rows, Columns);
        matrix.CopyTo(startRow, []);
        matrix.CopyFrom(startRow, []);
        matrix.Fill(startRow, 0, 9);
        matrix.Discard(startRow, 0);
        IsAllZero(matrix);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_can_be_done_with_a_matrix_that_is_disposed(bool pagerToo)
    {
        using Pager pager = Make();
        PagedMatrix<int> matrix = pager.AllocateMatrix<int>(Rows, Columns);
        matrix.Fill(0, Rows, 1);
        ((IDisposable)(pagerToo ? pager : matrix)).Dispose();
        var row = new int[Columns];
        foreach (Action action in (Action[])
            [
                () => matrix.Fill(0, 1, 9),
                () => matrix.Fill(0, 0, 9),
                () => matrix.Discard(0, Rows),
                () => matrix.CopyTo(0, row),
                () => matrix.CopyTo(-1, row),
                () => matrix.CopyFrom(0, row),
                () => matrix.CopyFrom(0, row.AsSpan(1)),
                () => { _ = matrix[0, 0]; },
                () => { _ = matrix[-1, 0]; },
            ])
        {
            Assert.Throws<ObjectDisposedException>(action);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Whole_pages_are_overwritten_and_dropped_without_being_loaded(int rows, int columns)
    {
        using Pager pager = Make();
        using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(rows, columns);
        float[] model = Noise(matrix, salt: 1);
        matrix.CopyFrom(0, model);
        Evict(pager);
        long loaded = Loaded(pager);

        // All pages, whether in frames or not; the last one may be short.
        model = Noise(matrix, salt: 2);
        matrix.CopyFrom(0, model);
        Assert.Equal(loaded, Loaded(pager));
        Holds(model, matrix);

        Evict(pager);
        loaded = Loaded(pager);
        model.AsSpan().Fill(2.5f);
        matrix.Fill(0, rows, 2.5f);
        Assert.Equal(loaded, Loaded(pager));
        Holds(model, matrix);

        Evict(pager);
        long faults = pager.GetStatistics().Faults;
        model.AsSpan().Clear();
        matrix.Discard(0, rows);
        Holds(model, matrix);

        // Nor does zeroing take frames, nor reading zeroes.
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((faults, 0, 0, 0), (now.Faults, now.ResidentBytes, now.PoolLogicalBytes, now.SameFilledPages));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Of_a_range_only_the_pages_at_its_ends_are_loaded(int rows, int columns)
    {
        using Pager pager = Make();
        using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(rows, columns);
        int start = matrix.RowsPerPage / 2, count = rows - start - 1;
        int parts = Parts(matrix, start, count);
        var zeroes = new float[count * columns];
        foreach (Action<float[]> action in (Action<float[]>[])
            [
                part => matrix.CopyFrom(start, part),
                part => { matrix.Fill(start, count, 7); Array.Fill(part, 7); },
                part => { matrix.Discard(start, count); Array.Clear(part); },
            ])
        {
            float[] model = Noise(matrix, salt: 3);
            matrix.CopyFrom(0, model);
            Evict(pager);
            long loaded = Loaded(pager);
            float[] part = [.. zeroes];
            Content.Write(ContentKind.Noise, 4, part.AsSpan());
            action(part);
            Assert.Equal(parts, Loaded(pager) - loaded);
            part.CopyTo(model, start * columns);
            Holds(model, matrix);
        }
    }

    [Fact]
    public void Padding_is_neither_copied_out_nor_in()
    {
        using Pager pager = Make();
        using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(Rows, Columns);
        float[] model = Noise(matrix, salt: 5);

        // Frames that held other data in all of their bytes.
        using (PagedArray<int> junk = pager.Allocate<int>(2 * Frames * 1024))
        {
            junk.Fill(0, junk.Length, -1);
        }

        matrix.CopyFrom(0, model);
        var seen = new float[4 * Columns];
        for (int row = 0; row + 4 <= Rows; row++)
        {
            matrix.CopyTo(row, seen);
            Assert.Equal(-1, Content.FirstDifference(model.AsSpan(row * Columns, seen.Length), seen));
        }

        Holds(model, matrix);
    }

    [Fact]
    public void A_pinned_row_is_zeroed_in_place_and_its_neighbours_too()
    {
        using Pager pager = Make();
        using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(Rows, Columns);
        matrix.Fill(0, Rows, 3);
        using (ReadLease<float> lease = matrix.ReadRow(4))
        {
            matrix.Discard(0, Rows);
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept(0));
            matrix.Fill(0, Rows, 4);
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept(4));
            matrix.Discard(4, 1);
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept(0));
        }

        var expected = new float[Rows * Columns];
        Array.Fill(expected, 4);
        expected.AsSpan(4 * Columns, Columns).Clear();
        Holds(expected, matrix);
    }

    [Theory]
    [InlineData(null, 4096, 10, 4096)]
    [InlineData("vectors", 8192, 10, 8192)]
    [InlineData("", 4096, 1500, 8192)]
    public void Arrays_and_matrices_say_their_name_and_page_size(string? name, int pageBytes, int columns, int actual)
    {
        using Pager pager = Make();
        var options = new PagedArrayOptions { Name = name, PageBytes = pageBytes };
        PagedArray<float> array = pager.Allocate<float>(100, options);
        PagedMatrix<float> matrix = pager.AllocateMatrix<float>(100, columns, options);
        Assert.Equal((name, pageBytes), (array.Name, array.PageBytes));
        Assert.Equal((name, actual), (matrix.Name, matrix.PageBytes));
        using PagedArray<byte> plain = pager.Allocate<byte>(1);
        Assert.Equal((null, pager.Options.PageBytes), (plain.Name, plain.PageBytes));

        // They are not data.
        array.Dispose();
        matrix.Dispose();
        Assert.Equal((name, pageBytes), (array.Name, array.PageBytes));
        Assert.Equal((name, actual), (matrix.Name, matrix.PageBytes));
    }

    private static Pager Make() =>
        new(new PagerOptions { ResidentBytes = Frames * 8192, PoolBytes = 4 << 20, PageBytes = 4096, BackgroundThreads = 0 });

    /// <summary>Pages that a range has a part of, but not all.</summary>
    private static int Parts(PagedMatrix<float> matrix, int start, int count)
    {
        int end = start + count;
        int parts = 0;
        for (int first = 0; first < matrix.Rows; first += matrix.RowsPerPage)
        {
            int last = (int)Math.Min(matrix.Rows, first + matrix.RowsPerPage);
            int common = Math.Min(end, last) - Math.Max(start, first);
            parts += common > 0 && common < last - first ? 1 : 0;
        }

        return parts;
    }

    private static float[] Noise(PagedMatrix<float> matrix, ulong salt)
    {
        var noise = new float[matrix.Rows * matrix.Columns];
        Content.Write(ContentKind.Noise, salt, noise.AsSpan());
        return noise;
    }

    /// <summary>Pushes everything else out of the frames.</summary>
    private static void Evict(Pager pager)
    {
        foreach (int pageBytes in (int[])[4096, 8192])
        {
            using PagedArray<byte> other = pager.Allocate<byte>(4 * pager.Options.ResidentBytes, new PagedArrayOptions { PageBytes = pageBytes });
            other.Fill(0, other.Length, 1);
        }
    }

    private static long Loaded(Pager pager) => pager.GetStatistics().FaultsFromPool + pager.GetStatistics().FaultsFromFile;

    private static void Holds(float[] expected, PagedMatrix<float> matrix)
    {
        var copy = new float[expected.Length];
        matrix.CopyTo(0, copy);
        Assert.Equal(-1, Content.FirstDifference<float>(expected, copy));
    }

    private static void IsAllZero(PagedMatrix<int> matrix)
    {
        var copy = new int[matrix.Rows * matrix.Columns];
        matrix.CopyTo(0, copy);
        Assert.Equal(-1, copy.AsSpan().IndexOfAnyExcept(0));
    }
}
