using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;

namespace Paging.Tests.Model;

internal enum Move
{
    FromReadLease,
    FromWriteLease,
    ToWriteLease,
    FromPlainMemory,
    ToPlainMemory,
}

/// <summary>A copy between an array and memory that may be its own.</summary>
/// <param name="Move">What is copied where.</param>
/// <param name="Lease">Where the lease begins, in thousandths of the array.</param>
/// <param name="Skip">How much of its span is left out in front, in thousandths of it.</param>
/// <param name="Length">How long the copy is, in thousandths of what could be.</param>
/// <param name="Distance">From the span to where the copy goes or comes from, in elements of about a page to either side.</param>
/// <param name="Shift">Bytes by which the span is shifted against the elements.</param>
internal readonly record struct Copying(Move Move, int Lease, int Skip, int Length, int Distance, int Shift)
{
    public static Gen<Copying> Generate() =>
        from move in Gen.Elements(Enum.GetValues<Move>())
        from lease in Gen.Choose(0, 999)
        from skip in Gen.Frequency((2, Gen.Constant(0)), (3, Gen.Choose(0, 999)))
        from length in Gen.Frequency((3, Gen.Constant(1000)), (2, Gen.Choose(0, 1000)))
        from distance in Gen.Frequency((3, Gen.Choose(-3, 3)), (1, Gen.Constant(1000)), (1, Gen.Constant(-1000)), (3, Gen.Choose(-1100, 1100)))
        from shift in Gen.Frequency((6, Gen.Constant(0)), (1, Gen.Choose(1, 27)))
        select new Copying(move, lease, skip, length, distance, shift);

    public IEnumerable<Copying> Simpler()
    {
        Copying self = this;
        return Seeded.Shrink(Lease).Select(lease => self with { Lease = lease })
            .Concat(Seeded.Shrink(Skip).Select(skip => self with { Skip = skip }))
            .Concat(Seeded.Shrink(Length).Select(length => self with { Length = length }))
            .Concat(Seeded.Shrink(Shift).Select(shift => self with { Shift = shift }));
    }
}

internal sealed record OverlapScript(int PageBytes, int Pages, int Tail, Copying[] Copies)
{
    public override string ToString() =>
        $"{Pages} pages of {PageBytes} and {Tail} thousandths{Environment.NewLine}" +
        string.Concat(Copies.Select(copy => $"  {copy}{Environment.NewLine}"));

    public static Gen<OverlapScript> Generate() =>
        from page in Gen.Elements(4 << 10, 8 << 10, 32 << 10)
        from pages in Gen.Choose(1, 12)
        from tail in Gen.Choose(0, 999)
        from copies in Gen.ArrayOf(Copying.Generate(), 60)
        select new OverlapScript(page, pages, tail, copies);

    public static IEnumerable<OverlapScript> Shrink(OverlapScript script) =>
        Seeded.Shrink(script.Copies, copy => copy.Simpler()).Select(copies => script with { Copies = copies });
}

/// <summary>Copies between an array and spans of its own pages leave what <see cref="Span{T}.CopyTo"/> leaves within a plain array, and need
/// no more frames than copies from elsewhere: the leased page's, and one to copy through.</summary>
public class OverlapProperties
{
    private const int Frames = 4;

    [Fact]
    public void Bytes_move_as_in_one_array() => Check<byte>();

    [Fact]
    public void Elements_of_2_bytes_move_as_in_one_array() => Check<short>();

    [Fact]
    public void Elements_of_3_bytes_move_as_in_one_array() => Check<Pixel>();

    [Fact]
    public void Elements_of_4_bytes_move_as_in_one_array() => Check<int>();

    [Fact]
    public void Elements_of_12_bytes_move_as_in_one_array() => Check<Vector>();

    [Fact]
    public void Elements_of_16_bytes_move_as_in_one_array() => Check<decimal>();

    [Fact]
    public void Elements_of_28_bytes_move_as_in_one_array() => Check<Particle>();

    private static void Check<T>() where T : unmanaged => Seeded.Check(25, OverlapScript.Generate(), OverlapScript.Shrink, Execute<T>);

    private static void Execute<T>(OverlapScript script) where T : unmanaged
    {
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = Frames * script.PageBytes,
            PoolBytes = Math.Max(2 << 20, 96 * script.PageBytes),
            PageBytes = script.PageBytes,
            BackgroundThreads = 0,
        });
        int pageLength = script.PageBytes / Unsafe.SizeOf<T>();
        var model = new T[(script.Pages * pageLength) + (int)((long)pageLength * script.Tail / 1000)];
        Content.Write<T>(ContentKind.Noise, 7, model);
        using PagedArray<T> array = pager.From<T>(model);
        foreach (Copying copy in script.Copies)
        {
            Apply(array, model, copy);
        }

        var seen = new T[model.Length];
        array.CopyTo(0, seen);
        Assert.Equal(-1, Content.FirstDifference<T>(model, seen));
    }

    private static void Apply<T>(PagedArray<T> array, T[] model, Copying copy) where T : unmanaged
    {
        int start = (int)((long)model.Length * copy.Lease / 1000);
        int end = Math.Min(model.Length, (start / array.PageLength * array.PageLength) + array.PageLength);
        int skip = (int)((long)(end - start) * copy.Skip / 1000);
        Span<T> own = Part(model.AsSpan(start, end - start), skip, copy);
        int other = Math.Clamp(start + skip + Distance(copy, array.PageLength), 0, model.Length - 1);
        int length = Math.Min(own.Length, model.Length - other);
        own = own[..length];
        switch (copy.Move)
        {
            case Move.FromReadLease:
                using (ReadLease<T> lease = array.Read(start))
                {
                    array.CopyFrom(
                        other, Part(MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(lease.Span), lease.Span.Length), skip, copy)[..length]);
                    own.CopyTo(model.AsSpan(other));
                    Equal(model.AsSpan(start, end - start), lease.Span, copy);
                }

                break;
            case Move.FromWriteLease:
                using (WriteLease<T> lease = array.Write(start))
                {
                    array.CopyFrom(other, Part(lease.Span, skip, copy)[..length]);
                    own.CopyTo(model.AsSpan(other));
                    Equal(model.AsSpan(start, end - start), lease.Span, copy);
                }

                break;
            case Move.ToWriteLease:
                using (WriteLease<T> lease = array.Write(start))
                {
                    array.CopyTo(other, Part(lease.Span, skip, copy)[..length]);
                    model.AsSpan(other, length).CopyTo(own);
                    Equal(model.AsSpan(start, end - start), lease.Span, copy);
                }

                break;
            case Move.FromPlainMemory:
                // Longer than the frames: with a lease out, and more pages than there are frames.
                T[] plain = [.. model[..^other]];
                using (ReadLease<T> lease = array.Read(start))
                {
                    array.CopyFrom(other, plain);
                    plain.CopyTo(model.AsSpan(other));
                    Equal(model.AsSpan(start, end - start), lease.Span, copy);
                }

                break;
            default:
                var copied = new T[model.Length - other];
                array.CopyTo(other, copied);
                Equal(model.AsSpan(other), copied, copy);
                break;
        }
    }

    private static int Distance(Copying copy, int pageLength) => Math.Abs(copy.Distance) switch
    {
        <= 3 => copy.Distance,
        1000 => Math.Sign(copy.Distance) * pageLength,
        _ => (int)((long)pageLength * copy.Distance / 1000),
    };

    /// <summary>Of a lease's span what the copy works on, maybe with elements that begin in the middle of the array's.</summary>
    private static Span<T> Part<T>(Span<T> span, int skip, Copying copy) where T : unmanaged
    {
        int shift = copy.Shift % Unsafe.SizeOf<T>();
        Span<T> part = span[skip..];
        part = MemoryMarshal.Cast<byte, T>(MemoryMarshal.AsBytes(part)[Math.Min(shift, part.Length * Unsafe.SizeOf<T>())..]);
        return part[..(int)((long)part.Length * copy.Length / 1000)];
    }

    private static void Equal<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, Copying copy) where T : unmanaged
    {
        int difference = Content.FirstDifference(expected, actual);
        Assert.True(difference < 0, $"Element {difference} of the lease differs after {copy}.");
    }

    private readonly record struct Pixel(byte R, byte G, byte B);
}
