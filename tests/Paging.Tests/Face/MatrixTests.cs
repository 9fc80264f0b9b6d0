using Paging.Stress.Driver;

namespace Paging.Tests.Face;

public class MatrixTests
{
    [Theory]
    [InlineData(1, 1024)]
    [InlineData(3, 341)]
    [InlineData(100, 10)]
    [InlineData(1024, 1)]
    [InlineData(1025, 1)]
    [InlineData(2048, 1)]
    [InlineData(2049, 1)]
    [InlineData(4000, 1)]
    public void As_many_whole_rows_as_fit_share_a_page_that_grows_to_hold_one(int columns, int rowsPerPage)
    {
        using var working = new Working(poolBytes: 16 << 20);
        using PagedMatrix<float> matrix = working.Pager.AllocateMatrix<float>(99, columns, new PagedArrayOptions { PageBytes = 4096 });
        Assert.Equal(99, matrix.Rows);
        Assert.Equal(columns, matrix.Columns);
        Assert.Equal(rowsPerPage, matrix.RowsPerPage);
        for (long row = 0; row < 99; row++)
        {
            using WriteLease<float> lease = matrix.WriteRow(row);
            Assert.Equal(columns, lease.Span.Length);
            lease.Span.Fill(row + 1);
        }

        for (long row = 0; row < 99; row++)
        {
            Assert.Equal(row + 1, matrix[row, 0]);
            Assert.Equal(row + 1, matrix[row, columns - 1]);
            using ReadLease<float> lease = matrix.ReadRow(row);
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept(row + 1));
        }

        working.IsWhole();
    }

    [Fact]
    public void Rows_of_12_byte_vectors_leave_the_rest_of_a_page_unused()
    {
        using var working = new Working(poolBytes: 16 << 20);
        using PagedMatrix<Vector> matrix = working.Pager.AllocateMatrix<Vector>(1000, 100);
        Assert.Equal(3, matrix.RowsPerPage);
        using PagedMatrix<Vector> large = working.Pager.AllocateMatrix<Vector>(10, 342);
        Assert.Equal(1, large.RowsPerPage);    // 4104 bytes in 8 KiB
    }

    [Fact]
    public void A_row_of_4_MiB_is_the_longest()
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 32 << 20, PoolBytes = 256 << 20, BackgroundThreads = 0 });
        using (PagedMatrix<float> matrix = pager.AllocateMatrix<float>(3, 1 << 20))
        {
            matrix[2, (1 << 20) - 1] = 5;
            Assert.Equal(1, matrix.RowsPerPage);
            Assert.Equal(5, matrix.ReadLast());
        }

        Expect.OutOfRange(() => pager.AllocateMatrix<float>(3, (1 << 20) + 1));
        Expect.OutOfRange(() => pager.AllocateMatrix<byte>(3, (4 << 20) + 1));
        Expect.OutOfRange(() => pager.AllocateMatrix<byte>(3, int.MaxValue));
        Expect.OutOfRange(() => pager.AllocateMatrix<decimal>(3, int.MaxValue));
        Expect.OutOfRange(() => pager.AllocateMatrix<decimal>(3, 1 << 28));
        using PagedMatrix<int> after = pager.AllocateMatrix<int>(3, 3);
        after[2, 2] = 1;
        Assert.Equal(1, after[2, 2]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void Columns_that_are_not_positive_are_refused(int columns)
    {
        using var working = new Working();
        Expect.OutOfRange(() => working.Pager.AllocateMatrix<int>(10, columns));
        working.IsWhole();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue / 12 + 1)]
    public void Rows_that_are_negative_or_overflow_are_refused(long rows)
    {
        using var working = new Working();
        Expect.OutOfRange(() => working.Pager.AllocateMatrix<int>(rows, 3));
        working.IsWhole();
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(50, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(long.MaxValue, 0)]
    [InlineData(1L << 32, 0)]
    [InlineData(0, -1)]
    [InlineData(0, 100)]
    [InlineData(0, int.MinValue)]
    [InlineData(49, int.MaxValue)]
    public void An_element_outside_the_matrix_is_refused(long row, int column)
    {
        using var working = new Working();
        using PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(50, 100);
        bool isRow = row is < 0 or >= 50;
        NamesWhatIsWrong(() => { _ = matrix[row, column]; });
        NamesWhatIsWrong(() => matrix[row, column] = 1);
        if (isRow)
        {
            NamesWhatIsWrong(() => { _ = matrix.ReadRow(row); });
            NamesWhatIsWrong(() => { _ = matrix.WriteRow(row); });
        }

        for (long i = 0; i < 50; i++)
        {
            using ReadLease<int> lease = matrix.ReadRow(i);
            Assert.Equal(-1, lease.Span.IndexOfAnyExcept(0));
        }

        working.IsWhole();

        void NamesWhatIsWrong(Action action)
        {
            var e = Assert.Throws<ArgumentOutOfRangeException>(action);
            Assert.Equal(isRow ? ("row", (object)row) : ("column", column), (e.ParamName, e.ActualValue));
            Expect.Figure(isRow ? row : column, e.Message);
            Expect.Figure(isRow ? 49 : 99, e.Message);
        }
    }
}

file static class Matrices
{
    public static T ReadLast<T>(this PagedMatrix<T> matrix) where T : unmanaged
    {
        using ReadLease<T> lease = matrix.ReadRow(matrix.Rows - 1);
        return lease.Span[^1];
    }
}
