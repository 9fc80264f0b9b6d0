using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;

namespace Paging.Tests.Model;

internal enum RowsAct
{
    CopyTo,
    CopyFrom,
    Fill,
    Discard,
    /// <summary>From a lease's row, and those behind it in its page, to somewhere in the matrix.</summary>
    FromLease,
    /// <summary>The other way.</summary>
    ToLease,
    /// <summary>A fill while a row is leased.</summary>
    FillLeased,
    DiscardLeased,
}

/// <param name="Act">What is done.</param>
/// <param name="Start">The first row, in 1024ths of the matrix.</param>
/// <param name="Snap">Whether it is moved to its page's first row (1) or last one (2).</param>
/// <param name="Count">Rows up to 8; beyond that hundredths of a page.</param>
/// <param name="Lease">The leased row, in 1024ths; from 1024 on so many rows behind the start.</param>
/// <param name="Kind">What is written.</param>
/// <param name="Salt">Its salt.</param>
internal readonly record struct RowsOp(RowsAct Act, int Start, int Snap, int Count, int Lease, ContentKind Kind, int Salt)
{
    public static Gen<RowsOp> Generate() =>
        from act in Gen.Elements(Enum.GetValues<RowsAct>())
        from start in Gen.Choose(0, 1023)
        from snap in Gen.Frequency((3, Gen.Constant(0)), (2, Gen.Constant(1)), (1, Gen.Constant(2)))
        from count in Gen.Frequency((4, Gen.Choose(0, 8)), (2, Gen.Choose(9, 400)), (2, Gen.Elements(108, 208, 308, 100_000)))
        from lease in Gen.Frequency((1, Gen.Choose(0, 1023)), (2, Gen.Choose(1024, 1034)))
        from kind in Gen.Elements(ContentKind.Zeros, ContentKind.Constant, ContentKind.Text, ContentKind.Noise)
        from salt in Gen.Choose(0, int.MaxValue)
        select new RowsOp(act, start, snap, count, lease, kind, salt);

    public (int Start, int Count) In(int rows, int rowsPerPage)
    {
        int start = (int)((long)Start * rows / 1024);
        start = Snap switch
        {
            1 => start - (start % rowsPerPage),
            2 => Math.Min(rows - 1, start - (start % rowsPerPage) + rowsPerPage - 1),
            _ => start,
        };
        long count = Count <= 8 ? Count : (Count - 8L) * rowsPerPage / 100;
        return (start, (int)Math.Min(count, rows - start));
    }

    public int LeasedIn(int rows, int start) => Lease < 1024 ? (int)((long)Lease * rows / 1024) : Math.Clamp(start + Lease - 1029, 0, rows - 1);

    public IEnumerable<RowsOp> Simpler()
    {
        RowsOp self = this;
        return Seeded.Shrink(Count).Select(count => self with { Count = count })
            .Concat(Seeded.Shrink(Start).Select(start => self with { Start = start }))
            .Concat(Seeded.Shrink(Snap).Select(snap => self with { Snap = snap }));
    }
}

internal sealed record RowsScript(int RowBytes, int Bytes, RowsOp[] Ops)
{
    public override string ToString() =>
        $"rows of {RowBytes} bytes, {Bytes} bytes{Environment.NewLine}" + string.Concat(Ops.Select(op => $"  {op}{Environment.NewLine}"));

    /// <summary>One column; several rows a page, with and without a gap; one row a page.</summary>
    public static Gen<RowsScript> Generate() =>
        from row in Gen.OneOf(Gen.Constant(1), Gen.Choose(2, 200), Gen.Choose(200, 2100), Gen.Elements(1024, 2048, 4096), Gen.Choose(2100, 9000))
        from bytes in Gen.Choose(1, 150 << 10)
        from ops in Gen.ArrayOf(RowsOp.Generate(), 60)
        select new RowsScript(row, bytes, ops);

    public static IEnumerable<RowsScript> Shrink(RowsScript script) =>
        Seeded.Shrink(script.Ops, op => op.Simpler()).Select(ops => script with { Ops = ops });
}

/// <summary>Ranges of rows leave in a matrix what they leave in an array of all its elements, also where they come from a lease on the
/// matrix itself or go to one, and whatever lies behind the rows of a page.</summary>
public class MatrixRangeProperties
{
    private const int Frames = 4;

    [Fact]
    public void Rows_of_bytes() => Check<byte>();

    [Fact]
    public void Rows_of_3_byte_pixels() => Check<Pixel>();

    [Fact]
    public void Rows_of_floats() => Check<float>();

    [Fact]
    public void Rows_of_12_byte_vectors() => Check<Vector>();

    [Fact]
    public void Rows_of_16_byte_decimals() => Check<decimal>();

    private static void Check<T>() where T : unmanaged => Seeded.Check(25, RowsScript.Generate(), RowsScript.Shrink, Execute<T>);

    private static void Execute<T>(RowsScript script) where T : unmanaged
    {
        int columns = Math.Max(1, script.RowBytes / Unsafe.SizeOf<T>());
        int rowBytes = columns * Unsafe.SizeOf<T>();
        int pageBytes = Math.Max(4 << 10, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)rowBytes));
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = Frames * pageBytes,
            PoolBytes = Math.Max(2 << 20, 96 * pageBytes),
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        using PagedMatrix<T> matrix = pager.AllocateMatrix<T>(1 + (script.Bytes / rowBytes), columns);
        Assert.Equal((pageBytes, pageBytes / rowBytes), (matrix.PageBytes, matrix.RowsPerPage));
        var model = new T[matrix.Rows * columns];
        foreach (RowsOp op in script.Ops)
        {
            Apply(op, matrix, model);
        }

        var seen = new T[model.Length];
        matrix.CopyTo(0, seen);
        Assert.Equal(-1, Content.FirstDifference<T>(model, seen));
        for (int row = 0; row < matrix.Rows; row++)
        {
            using ReadLease<T> lease = matrix.ReadRow(row);
            Assert.Equal(-1, Content.FirstDifference(model.AsSpan(row * columns, columns), lease.Span));
        }
    }

    private static void Apply<T>(RowsOp op, PagedMatrix<T> matrix, T[] model) where T : unmanaged
    {
        int columns = matrix.Columns;
        (int start, int count) = op.In((int)matrix.Rows, matrix.RowsPerPage);
        Span<T> expected = model.AsSpan(start * columns, count * columns);
        int leased = op.LeasedIn((int)matrix.Rows, start);
        switch (op.Act)
        {
            case RowsAct.CopyTo:
                var seen = new T[expected.Length];
                Content.Write(ContentKind.Noise, 1, seen.AsSpan());
                matrix.CopyTo(start, seen);
                Equal(expected, seen, op);
                break;
            case RowsAct.CopyFrom:
                Content.Write(op.Kind, (ulong)op.Salt, expected);
                matrix.CopyFrom(start, expected);
                break;
            case RowsAct.Fill:
                Fill(op, matrix, start, count, expected);
                break;
            case RowsAct.Discard:
                matrix.Discard(start, count);
                expected.Clear();
                break;
            case RowsAct.FromLease:
                using (ReadLease<T> lease = matrix.ReadRow(leased))
                {
                    Span<T> own = InPage(lease.Span, leased, count, matrix);
                    Span<T> same = model.AsSpan(leased * columns, own.Length);
                    own = own[..Math.Min(own.Length, model.Length - (start * columns))];
                    matrix.CopyFrom(start, own);
                    same[..own.Length].CopyTo(model.AsSpan(start * columns));
                    Equal(model.AsSpan(leased * columns, columns), lease.Span, op);
                }

                break;
            case RowsAct.ToLease:
                using (WriteLease<T> lease = matrix.WriteRow(leased))
                {
                    Span<T> own = InPage(lease.Span, leased, count, matrix);
                    own = own[..Math.Min(own.Length, model.Length - (start * columns))];
                    matrix.CopyTo(start, own);
                    model.AsSpan(start * columns, own.Length).CopyTo(model.AsSpan(leased * columns));
                    Equal(model.AsSpan(leased * columns, columns), lease.Span, op);
                }

                break;
            case RowsAct.FillLeased:
                using (ReadLease<T> lease = matrix.ReadRow(leased))
                {
                    Fill(op, matrix, start, count, expected);
                    Equal(model.AsSpan(leased * columns, columns), lease.Span, op);
                }

                break;
            default:
                using (ReadLease<T> lease = matrix.ReadRow(leased))
                {
                    matrix.Discard(start, count);
                    expected.Clear();
                    Equal(model.AsSpan(leased * columns, columns), lease.Span, op);
                }

                break;
        }
    }

    private static void Fill<T>(RowsOp op, PagedMatrix<T> matrix, int start, int count, Span<T> expected) where T : unmanaged
    {
        T value = op.Kind == ContentKind.Zeros ? default : Content.Value<T>((ulong)op.Salt);
        matrix.Fill(start, count, value);
        expected.Fill(value);
    }

    /// <summary>So many rows from a leased one on, as far as its page goes: the lease keeps all of it where it is.</summary>
    private static Span<T> InPage<T>(ReadOnlySpan<T> row, int leased, int count, PagedMatrix<T> matrix) where T : unmanaged
    {
        int rows = Math.Min(Math.Max(1, count), matrix.RowsPerPage - (leased % matrix.RowsPerPage));
        rows = (int)Math.Min(rows, matrix.Rows - leased);
        return MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(row), rows * matrix.Columns);
    }

    private static void Equal<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, RowsOp op) where T : unmanaged
    {
        int difference = Content.FirstDifference(expected, actual);
        Assert.True(difference < 0, $"Element {difference} differs after {op}.");
    }

    private readonly record struct Pixel(byte R, byte G, byte B);
}
