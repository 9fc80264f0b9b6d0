using System.Buffers.Binary;
using System.Text;

namespace Paging.Formats;

/// <summary>The header of a .npy file: what its elements are, its shape, and where its data lies.</summary>
/// <remarks>The format is that of NumPy's NEP 1, in versions 1.0, 2.0 and 3.0: a magic number, a version, the length of the header, and a
/// Python dictionary as text. Nothing in it is trusted: it is bounded before it is read, and what it promises is compared with the length
/// of the file.</remarks>
internal sealed class NpyHeader
{
    /// <summary>The longest header: those of records with very many fields have some thousand bytes.</summary>
    internal const int MaxHeaderBytes = 1 << 20;

    private const int VersionAt = 6;
    private const int LengthAt = 8;
    private const int MaxPrefix = 12;
    private const int MaxDimensions = 64;

    private NpyHeader(NpyElement element, TensorShape shape, long dataOffset)
    {
        Element = element;
        Shape = shape;
        DataOffset = dataOffset;
    }

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    internal NpyElement Element { get; }

    internal TensorShape Shape { get; }

    /// <summary>Where the elements begin in the file.</summary>
    internal long DataOffset { get; }

    /// <summary>Reads the header of a file.</summary>
    /// <param name="path">Named in exceptions.</param>
    /// <param name="fileBytes">The length of the file.</param>
    /// <param name="read">Reads from it.</param>
    /// <exception cref="InvalidDataException">It is no such file, or one that cannot be mapped; the message says what it holds.</exception>
    internal static NpyHeader Read(string path, long fileBytes, FileReader read)
    {
        Span<byte> prefix = stackalloc byte[MaxPrefix];
        prefix = prefix[..(int)Math.Min(MaxPrefix, fileBytes)];
        read(0, prefix);
        if (prefix.Length < LengthAt + sizeof(ushort) || !prefix.StartsWith(Magic))
        {
            throw new InvalidDataException($"'{path}' is no .npy file: it does not begin with its magic number.");
        }

        int major = prefix[VersionAt];
        if (major is < 1 or > 3 || prefix[VersionAt + 1] != 0)
        {
            throw new InvalidDataException(
                $"'{path}' is a .npy file of version {major}.{prefix[VersionAt + 1]}. Versions 1.0, 2.0 and 3.0 are known.");
        }

        int textAt = major == 1 ? LengthAt + sizeof(ushort) : MaxPrefix;
        long length = prefix.Length < textAt ? long.MaxValue
            : major == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(prefix[LengthAt..])
            : BinaryPrimitives.ReadUInt32LittleEndian(prefix[LengthAt..]);
        if (length > fileBytes - textAt)
        {
            throw new InvalidDataException($"'{path}' is truncated: it has {fileBytes:N0} bytes, which is less than its header.");
        }

        if (length > MaxHeaderBytes)
        {
            throw new InvalidDataException($"'{path}' has a header of {length:N0} bytes. {MaxHeaderBytes:N0} are the most that is read.");
        }

        byte[] text = new byte[length];
        read(textAt, text);
        return Parse(path, fileBytes, textAt + length, text, major);
    }

    /// <summary>Checks that elements of this type are what the file holds.</summary>
    internal void CheckType<T>(string path)
        where T : unmanaged
    {
        if (!Element.Holds<T>())
        {
            throw new ArgumentException(
                $"'{path}' holds {Element.Describe()}, in the shape {Shape}. {typeof(T).Name} was asked for{Element.Advice(DataOffset)}.", nameof(T));
        }
    }

    private static NpyHeader Parse(string path, long fileBytes, long dataOffset, byte[] bytes, int major)
    {
        PythonLiteral header;
        try
        {
            header = PythonLiteral.Parse((major == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(bytes));
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"'{path}' has a damaged .npy header: {e.Message}", e);
        }

        if (header["descr"] is not { } descr
            || header["fortran_order"]?.Boolean is not { } isFortran
            || Dimensions(header["shape"]) is not { } dimensions)
        {
            throw new InvalidDataException(
                $"'{path}' has a damaged .npy header: it must say descr, fortran_order (True or False) and shape (up to {MaxDimensions} " +
                "dimensions, of 0 or more).");
        }

        NpyElement element = NpyElement.Parse(path, descr);
        string shapeText = $"({string.Join(", ", dimensions)})";
        TensorShape shape = TensorShape.TryMake(dimensions, element.Bytes)
            ?? throw new InvalidDataException($"'{path}' has the shape {shapeText}, which is more than a file can hold.");
        if (element.IsBigEndian)
        {
            throw new InvalidDataException(
                $"'{path}' holds {element.Describe()}, which is big-endian, in the shape {shape}. Only little-endian data can be mapped: " +
                "convert it, with a.astype(a.dtype.newbyteorder('<')) for example.");
        }

        // With one dimension that is longer than 1, both orders are the same.
        if (isFortran && dimensions.Count(static dimension => dimension != 1) > 1)
        {
            throw new InvalidDataException(
                $"'{path}' holds {element.Describe()} in the shape {shape} in Fortran order (fortran_order is True). Only C order can be " +
                "mapped: save numpy.ascontiguousarray(a).");
        }

        long data = shape.Elements * element.Bytes;
        return data <= fileBytes - dataOffset
            ? new NpyHeader(element, shape, dataOffset)
            : throw new InvalidDataException(
                $"'{path}' is truncated: {element.Describe()} in the shape {shape} takes {data:N0} bytes from offset {dataOffset:N0} on, " +
                $"and the file has {fileBytes - dataOffset:N0} there.");
    }

    private static long[]? Dimensions(PythonLiteral? shape)
    {
        if (shape?.Items is not { } items || !shape.IsTuple || items.Count > MaxDimensions)
        {
            return null;
        }

        long[] dimensions = new long[items.Count];
        for (int i = 0; i < dimensions.Length; i++)
        {
            if (items[i].Number is not (>= 0 and { } dimension))
            {
                return null;
            }

            dimensions[i] = dimension;
        }

        return dimensions;
    }
}
