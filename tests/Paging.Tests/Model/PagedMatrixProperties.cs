using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;

namespace Paging.Tests.Model;

internal enum MatrixAct
{
    Get,
    Set,
    ReadRow,
    WriteRow,
}

internal readonly record struct MatrixOp(MatrixAct Act, int Row, int Column, ContentKind Kind, int Salt)
{
    public IEnumerable<MatrixOp> Simpler()
    {
        MatrixOp self = this;
        IEnumerable<MatrixOp> simpler = Seeded.Shrink(Row).Select(row => self with { Row = row })
            .Concat(Seeded.Shrink(Column).Select(column => self with { Column = column }));
        return Kind == ContentKind.Zeros ? simpler : simpler.Append(self with { Kind = Kind - 1 });
    }
}

internal sealed record MatrixScript(int Rows, int Columns, int PageBytes, int Frames, int BackgroundThreads, MatrixOp[] Ops)
{
    public override string ToString() =>
        $"{Rows} rows of {Columns}, pages of {PageBytes}, {Frames} frames, {BackgroundThreads} background threads{Environment.NewLine}"
        + string.Concat(Ops.Select(op => $"  {op}{Environment.NewLine}"));

    public static Gen<MatrixScript> Generate(int backgroundThreads)
    {
        Gen<MatrixOp> op =
            from act in Gen.Elements(MatrixAct.Get, MatrixAct.Set, MatrixAct.ReadRow, MatrixAct.WriteRow, MatrixAct.WriteRow)
            from row in Gen.Choose(0, 1023)
            from column in Gen.Choose(0, 1023)
            from kind in Gen.Elements(ContentKind.Zeros, ContentKind.Constant, ContentKind.Text, ContentKind.Noise)
            from salt in Gen.Choose(0, int.MaxValue)
            select new MatrixOp(act, row, column, kind, salt);
        return
            from columns in Gen.OneOf(Gen.Choose(1, 16), Gen.Choose(17, 700), Gen.Choose(900, 1600))
            from page in Gen.Elements(4 << 10, 16 << 10)
            from frames in Gen.Choose(8, 24)
            from bytes in Gen.Choose(200 << 10, 1200 << 10)
            from ops in Gen.ArrayOf(op, 400)
            select new MatrixScript(1 + bytes / columns / 12, columns, page, frames, backgroundThreads, ops);
    }

    public static IEnumerable<MatrixScript> Shrink(MatrixScript script) =>
        Seeded.Shrink(script.Ops, op => op.Simpler()).Select(ops => script with { Ops = ops });
}

/// <summary>Any sequence of operations leaves in a paged matrix what it leaves in rows of arrays.</summary>
public class PagedMatrixProperties
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Rows_of_floats_hold_what_plain_rows_hold(int backgroundThreads) =>
        Seeded.Check(12, MatrixScript.Generate(backgroundThreads), MatrixScript.Shrink, Execute<float>);

    [Fact]
    public void Rows_of_12_byte_vectors_hold_what_plain_rows_hold() =>
        Seeded.Check(12, MatrixScript.Generate(backgroundThreads: 1), MatrixScript.Shrink, Execute<Vector>);

    [Fact]
    public void Rows_of_bytes_hold_what_plain_rows_hold() =>
        Seeded.Check(12, MatrixScript.Generate(backgroundThreads: 0), MatrixScript.Shrink, Execute<byte>);

    private static void Execute<T>(MatrixScript script) where T : unmanaged
    {
        const int LargestPage = 32 << 10;    // 1600 vectors need as much
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = (long)script.Frames * LargestPage,
            PoolBytes = 8 << 20,
            PageBytes = script.PageBytes,
            BackgroundThreads = script.BackgroundThreads,
        });
        using PagedMatrix<T> matrix = pager.AllocateMatrix<T>(script.Rows, script.Columns);
        T[][] model = [.. Enumerable.Range(0, script.Rows).Select(_ => new T[script.Columns])];
        foreach (MatrixOp op in script.Ops)
            Apply(op, matrix, model);
        for (int row = 0; row < model.Length; row++)
            Apply(new MatrixOp(MatrixAct.ReadRow, row, 0, default, 0), matrix, model);
    }

    private static void Apply<T>(MatrixOp op, PagedMatrix<T> matrix, T[][] model) where T : unmanaged
    {
        int row = op.Row % model.Length, column = op.Column % model[0].Length;
        switch (op.Act)
        {
            case MatrixAct.Get:
                T value = matrix[row, column];
                Assert.Equal(Content.Hex(model[row][column]), Content.Hex(value));
                break;
            case MatrixAct.Set:
                model[row][column] = matrix[row, column] = Content.Value<T>((ulong)op.Salt);
                break;
            case MatrixAct.ReadRow:
                using (ReadLease<T> lease = matrix.ReadRow(row))
                {
                    Assert.Equal(model[row].Length, lease.Span.Length);
                    Assert.Equal(-1, Content.FirstDifference(model[row], lease.Span));
                }

                break;
            default:
                using (WriteLease<T> lease = matrix.WriteRow(row))
                {
                    Assert.Equal(-1, Content.FirstDifference(model[row], lease.Span));
                    Content.Write(op.Kind, (ulong)op.Salt, lease.Span);
                    lease.Span.CopyTo(model[row]);
                }

                break;
        }
    }
}
