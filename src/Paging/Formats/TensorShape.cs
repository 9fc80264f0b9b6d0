using System.Globalization;
using System.Text;

namespace Paging.Formats;

/// <summary>The dimensions of a tensor in a file: checked, so that its bytes are a number.</summary>
internal sealed class TensorShape
{
    private readonly long[] _dimensions;

    private TensorShape(long[] dimensions, long elements)
    {
        _dimensions = dimensions;
        Elements = elements;
    }

    internal ReadOnlySpan<long> Dimensions => _dimensions;

    /// <summary>The dimensions, for those who keep them.</summary>
    internal IReadOnlyList<long> ToList() => Array.AsReadOnly(_dimensions);

    /// <summary>The product of the dimensions: 1 where there are none.</summary>
    internal long Elements { get; }

    /// <summary>Checks dimensions.</summary>
    /// <returns>Null when one is negative, or there are too many elements for their bytes to be counted.</returns>
    internal static TensorShape? TryMake(ReadOnlySpan<long> dimensions, int elementBytes)
    {
        long[] all = dimensions.ToArray();
        long elements = 1;
        bool isEmpty = false;
        foreach (long dimension in all)
        {
            isEmpty |= dimension == 0;
        }

        foreach (long dimension in all)
        {
            if (dimension < 0 || (!isEmpty && dimension > long.MaxValue / Math.Max(1, elementBytes) / elements))
            {
                return null;
            }

            elements = isEmpty ? 0 : elements * dimension;
        }

        return new TensorShape(all, elements);
    }

    /// <summary>As rows and columns: rows are the first dimension, columns all others together.</summary>
    /// <exception cref="InvalidDataException">There are no elements, or a row is longer than a matrix can have it.</exception>
    internal (long Rows, int Columns) AsMatrix(int elementBytes, int maxRowBytes, string what)
    {
        if (Elements == 0)
        {
            throw new InvalidDataException($"{what} has no elements: its shape is {this}.");
        }

        long rows = _dimensions.Length == 0 ? 1 : _dimensions[0];
        long columns = Elements / rows;
        return columns <= maxRowBytes / elementBytes
            ? (rows, (int)columns)
            : throw new InvalidDataException(
                $"{what} has the shape {this}: a row of {columns:N0} elements takes {columns * elementBytes:N0} bytes, and one of a " +
                $"matrix {maxRowBytes:N0} at most. Map its data with MapFile, or with MapFileMatrix and shorter rows.");
    }

    public override string ToString() => "(" + Join(", ", _dimensions) + ")";

    /// <summary>Numbers as text, with something between them.</summary>
    internal static string Join(string between, ReadOnlySpan<long> numbers)
    {
        var text = new StringBuilder();
        foreach (long number in numbers)
        {
            text.Append(text.Length == 0 ? string.Empty : between).Append(number.ToString(CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
