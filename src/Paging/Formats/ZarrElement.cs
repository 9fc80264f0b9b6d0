using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Paging.Formats;

/// <summary>What the elements of a Zarr array are: its data_type.</summary>
internal sealed class ZarrElement
{
    /// <summary>The longest element: that of the longest page.</summary>
    private const int MaxBytes = 4 << 20;

    private readonly Type? _type;

    private ZarrElement(string name, int bytes, Type? type)
    {
        Name = name;
        Bytes = bytes;
        _type = type;
    }

    internal string Name { get; }

    /// <summary>The size of an element in bytes.</summary>
    internal int Bytes { get; }

    /// <summary>Finds a data type by its name.</summary>
    /// <returns>Null for what cannot be mapped: strings, complex numbers of other widths, extensions that are not known.</returns>
    internal static ZarrElement? TryParse(string name) => name switch
    {
        "bool" => new(name, 1, typeof(bool)),
        "int8" => new(name, 1, typeof(sbyte)),
        "int16" => new(name, 2, typeof(short)),
        "int32" => new(name, 4, typeof(int)),
        "int64" => new(name, 8, typeof(long)),
        "uint8" => new(name, 1, typeof(byte)),
        "uint16" => new(name, 2, typeof(ushort)),
        "uint32" => new(name, 4, typeof(uint)),
        "uint64" => new(name, 8, typeof(ulong)),
        "float16" => new(name, 2, typeof(Half)),
        "float32" => new(name, 4, typeof(float)),
        "float64" => new(name, 8, typeof(double)),
        "complex64" => new(name, 8, null),
        "complex128" => new(name, 16, typeof(Complex)),
        ['r', .. var bits] when int.TryParse(bits, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && count > 0 && count % 8 == 0 && count / 8 <= MaxBytes => new(name, count / 8, null),
        _ => null,
    };

    /// <summary>The data type that elements are saved as.</summary>
    internal static ZarrElement Of<T>()
        where T : unmanaged
    {
        Type type = typeof(T).IsEnum ? typeof(T).GetEnumUnderlyingType() : typeof(T);
        string name = Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => "bool",
            TypeCode.SByte => "int8",
            TypeCode.Int16 => "int16",
            TypeCode.Int32 => "int32",
            TypeCode.Int64 => "int64",
            TypeCode.Byte => "uint8",
            TypeCode.UInt16 or TypeCode.Char => "uint16",
            TypeCode.UInt32 => "uint32",
            TypeCode.UInt64 => "uint64",
            TypeCode.Single => "float32",
            TypeCode.Double => "float64",
            _ when type == typeof(Half) => "float16",
            _ when type == typeof(Complex) => "complex128",
            _ when type == typeof(nint) => "int64",
            _ when type == typeof(nuint) => "uint64",
            _ => $"r{8L * Unsafe.SizeOf<T>()}",
        };
        return TryParse(name)!;
    }

    /// <summary>Whether arrays of this can be had as arrays of <typeparamref name="T"/>: the same type, the one that is saved as this, or for
    /// bits without a meaning any of their size.</summary>
    internal bool Holds<T>()
        where T : unmanaged => _type is null ? Bytes == Unsafe.SizeOf<T>() && IsStruct(typeof(T)) : Of<T>().Name == Name;

    /// <summary>What to ask for, as words.</summary>
    internal string Advice() => _type is { } type ? $"Ask for {type.Name}" : $"Ask for a struct of {Bytes:N0} bytes";

    /// <summary>The bytes of a fill value, as its JSON says it.</summary>
    /// <returns>Null when it is none of this type.</returns>
    internal byte[]? TryParseFill(JsonElement value)
    {
        byte[] fill = new byte[Bytes];
        return TryParseFill(value, fill) ? fill : null;
    }

    private bool TryParseFill(JsonElement value, Span<byte> fill) => Name switch
    {
        "bool" => value.ValueKind is JsonValueKind.True or JsonValueKind.False && Put(value.GetBoolean() ? (byte)1 : (byte)0, fill),
        "int8" => IsNumber(value) && value.TryGetSByte(out sbyte number) && Put(number, fill),
        "int16" => IsNumber(value) && value.TryGetInt16(out short number) && Put(number, fill),
        "int32" => IsNumber(value) && value.TryGetInt32(out int number) && Put(number, fill),
        "int64" => IsNumber(value) && value.TryGetInt64(out long number) && Put(number, fill),
        "uint8" => IsNumber(value) && value.TryGetByte(out byte number) && Put(number, fill),
        "uint16" => IsNumber(value) && value.TryGetUInt16(out ushort number) && Put(number, fill),
        "uint32" => IsNumber(value) && value.TryGetUInt32(out uint number) && Put(number, fill),
        "uint64" => IsNumber(value) && value.TryGetUInt64(out ulong number) && Put(number, fill),
        "float16" or "float32" or "float64" => TryParseFloat(value, fill),
        "complex64" or "complex128" => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 2
            && TryParseFloat(value[0], fill[..(Bytes / 2)]) && TryParseFloat(value[1], fill[(Bytes / 2)..]),
        _ => TryParseBytes(value, fill),
    };

    private static bool TryParseBytes(JsonElement value, Span<byte> fill)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            // As zarr-python writes it.
            return value.TryGetBytesFromBase64(out byte[]? bytes) && bytes.Length == fill.Length && bytes.AsSpan().TryCopyTo(fill);
        }

        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() != fill.Length)
        {
            return false;
        }

        int i = 0;
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (!IsNumber(item) || !item.TryGetByte(out fill[i++]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryParseFloat(JsonElement value, Span<byte> fill)
    {
        if (IsNumber(value))
        {
            return fill.Length switch
            {
                2 => value.TryGetDouble(out double number) && Put((Half)number, fill),
                4 => value.TryGetSingle(out float number) && Put(number, fill),
                _ => value.TryGetDouble(out double number) && Put(number, fill),
            };
        }

        if (value.ValueKind != JsonValueKind.String || value.GetString() is not { } text)
        {
            return false;
        }

        if (text.StartsWith("0x", StringComparison.Ordinal))
        {
            if (text.Length != 2 + (2 * fill.Length)
                || !ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits))
            {
                return false;
            }

            Span<byte> all = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(all, bits);
            all[..fill.Length].CopyTo(fill);
            return true;
        }

        // Not .NET's NaN, whose sign is set: Zarr's is positive.
        (bool isKnown, Half half, float single, double @double) = text switch
        {
            "NaN" => (true, BitConverter.UInt16BitsToHalf(0x7E00), BitConverter.UInt32BitsToSingle(0x7FC00000),
                BitConverter.UInt64BitsToDouble(0x7FF8000000000000)),
            "Infinity" => (true, Half.PositiveInfinity, float.PositiveInfinity, double.PositiveInfinity),
            "-Infinity" => (true, Half.NegativeInfinity, float.NegativeInfinity, double.NegativeInfinity),
            _ => default,
        };
        return isKnown && fill.Length switch
        {
            2 => Put(half, fill),
            4 => Put(single, fill),
            _ => Put(@double, fill),
        };
    }

    private static bool IsNumber(JsonElement value) => value.ValueKind == JsonValueKind.Number;

    private static bool Put<TNumber>(TNumber number, Span<byte> fill)
        where TNumber : unmanaged
    {
        MemoryMarshal.Write(fill, in number);
        return true;
    }

    private static bool IsStruct(Type type) => !type.IsPrimitive && !type.IsEnum;
}
