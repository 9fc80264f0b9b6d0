using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Paging.Codecs.Filters;

/// <summary>Transforms a page, or a block of a page, into as many bytes that a codec can make shorter.</summary>
/// <remarks>
/// With stride s, q = length / s elements are transformed; the bytes behind them are copied. Shuffle: byte k of element i goes to byte k ·
/// q + i. BitShuffle takes whole groups of eight elements: bit j of byte k of element i goes to bit i % 8 of byte (8k + j) · q / 8 + i / 8
/// (the order of the bitshuffle library and of Blosc's filters, over the whole block); the elements behind them are copied. Where
/// differences are taken, all q elements become differences first. Pure functions on native memory: no state, no allocation, any thread.
/// Nothing outside the lengths is read or written, whatever the content. The stored form does not depend on the instructions used.
/// </remarks>
internal static unsafe class PageFilters
{
    /// <summary>The longest page or block that the pool filters at once.</summary>
    internal const int MaxLength = 64 << 10;

    /// <summary>The longest block that others have filtered.</summary>
    internal const int MaxForeignLength = 1 << 29;

    /// <summary>Transforms a page before it is encoded.</summary>
    /// <param name="filter">A valid filter.</param>
    /// <param name="source">The page; left as it is. The three buffers do not overlap, and need no alignment.</param>
    /// <param name="target">Receives the result.</param>
    /// <param name="scratch">For intermediate results; its content is undefined afterwards.</param>
    /// <param name="length">Bytes in each buffer, at most <see cref="MaxForeignLength"/>.</param>
    internal static void Apply(Filter filter, byte* source, byte* target, byte* scratch, int length) =>
        Apply(filter, source, target, scratch, length, SimdLevels.Preferred);

    /// <summary>The inverse of <see cref="Apply(Filter, byte*, byte*, byte*, int)"/>, for the same filter and length.</summary>
    internal static void Undo(Filter filter, byte* source, byte* target, byte* scratch, int length) =>
        Undo(filter, source, target, scratch, length, SimdLevels.Preferred);

    /// <summary>The same, with the instructions of a level and no others.</summary>
    internal static void Apply(Filter filter, byte* source, byte* target, byte* scratch, int length, SimdLevel level)
    {
        Check(filter, length, level);
        int whole = length - (length % filter.Stride);
        Unsafe.CopyBlockUnaligned(target + whole, source + whole, (uint)(length - whole));
        switch (filter.Kind)
        {
            case FilterKind.None:
                Unsafe.CopyBlockUnaligned(target, source, (uint)whole);
                break;
            case FilterKind.Shuffle:
                ByteTransposition.ToPlanes(source, target, whole / filter.Stride, filter.Stride, level);
                break;
            case FilterKind.BitShuffle:
                ShuffleBits(source, target, scratch, whole, filter.Stride, level);
                break;
            case FilterKind.DeltaShuffle:
                TakeDifferences(filter, source, scratch, whole, level);
                ByteTransposition.ToPlanes(scratch, target, whole / filter.Stride, filter.Stride, level);
                break;
            default:
                // The differences go to the target, their planes to the scratch, the planes of bits back to the target. The elements that
                // are left over are in the target already.
                TakeDifferences(filter, source, target, whole, level);
                ShuffleBits(target, target, scratch, whole, filter.Stride, level);
                break;
        }
    }

    /// <summary>The same, with the instructions of a level and no others.</summary>
    internal static void Undo(Filter filter, byte* source, byte* target, byte* scratch, int length, SimdLevel level)
    {
        Check(filter, length, level);
        int whole = length - (length % filter.Stride);
        switch (filter.Kind)
        {
            case FilterKind.None:
                Unsafe.CopyBlockUnaligned(target, source, (uint)whole);
                break;
            case FilterKind.Shuffle:
                ByteTransposition.ToRows(source, target, whole / filter.Stride, filter.Stride, level);
                break;
            case FilterKind.BitShuffle:
                UnshuffleBits(source, target, scratch, whole, filter.Stride, level);
                break;
            case FilterKind.DeltaShuffle:
                ByteTransposition.ToRows(source, scratch, whole / filter.Stride, filter.Stride, level);
                SumDifferences(filter, scratch, target, whole, level);
                break;
            default:
                UnshuffleBits(source, scratch, target, whole, filter.Stride, level);
                SumDifferences(filter, scratch, target, whole, level);
                break;
        }

        // Last, because the target may have served as scratch.
        Unsafe.CopyBlockUnaligned(target + whole, source + whole, (uint)(length - whole));
    }

    /// <remarks>The target may be the source.</remarks>
    private static void ShuffleBits(byte* source, byte* target, byte* scratch, int length, int stride, SimdLevel level)
    {
        int groups = length / stride / 8;
        int grouped = groups * 8 * stride;
        ByteTransposition.ToPlanes(source, scratch, groups * 8, stride, level);
        BitTransposition.ToBits(scratch, target, groups, stride, level);
        if (target != source)
        {
            Unsafe.CopyBlockUnaligned(target + grouped, source + grouped, (uint)(length - grouped));
        }
    }

    private static void UnshuffleBits(byte* source, byte* target, byte* scratch, int length, int stride, SimdLevel level)
    {
        int groups = length / stride / 8;
        int grouped = groups * 8 * stride;
        BitTransposition.ToBytes(source, scratch, groups, stride, level);
        ByteTransposition.ToRows(scratch, target, groups * 8, stride, level);
        Unsafe.CopyBlockUnaligned(target + grouped, source + grouped, (uint)(length - grouped));
    }

    private static void TakeDifferences(Filter filter, byte* source, byte* target, int length, SimdLevel level)
    {
        switch (filter.Kind == FilterKind.XorBitShuffle ? 0 : filter.LaneBytes)
        {
            case 0:
                Differences.Take<XorDifference>(source, target, length, filter.Stride, level);
                break;
            case 1:
                Differences.Take<ZigzagDifference<sbyte>>(source, target, length, filter.Stride, level);
                break;
            case 2:
                Differences.Take<ZigzagDifference<short>>(source, target, length, filter.Stride, level);
                break;
            case 4:
                Differences.Take<ZigzagDifference<int>>(source, target, length, filter.Stride, level);
                break;
            default:
                Differences.Take<ZigzagDifference<long>>(source, target, length, filter.Stride, level);
                break;
        }
    }

    private static void SumDifferences(Filter filter, byte* source, byte* target, int length, SimdLevel level)
    {
        switch (filter.Kind == FilterKind.XorBitShuffle ? 0 : filter.LaneBytes)
        {
            case 0:
                Differences.Sum<XorDifference>(source, target, length, filter.Stride, level);
                break;
            case 1:
                Differences.Sum<ZigzagDifference<sbyte>>(source, target, length, filter.Stride, level);
                break;
            case 2:
                Differences.Sum<ZigzagDifference<short>>(source, target, length, filter.Stride, level);
                break;
            case 4:
                Differences.Sum<ZigzagDifference<int>>(source, target, length, filter.Stride, level);
                break;
            default:
                Differences.Sum<ZigzagDifference<long>>(source, target, length, filter.Stride, level);
                break;
        }
    }

    [Conditional("DEBUG")]
    private static void Check(Filter filter, int length, SimdLevel level)
    {
        Debug.Assert(filter.IsValid, "A filter is checked where it is read.");
        Debug.Assert(length is >= 0 and <= MaxForeignLength);
        Debug.Assert(level <= SimdLevels.Supported);
    }
}
