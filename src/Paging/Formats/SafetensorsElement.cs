using System.Runtime.CompilerServices;

namespace Paging.Formats;

/// <summary>The types of elements in safetensors files, and which of .NET's they are.</summary>
internal static class SafetensorsElement
{
    /// <summary>The size of an element in bytes; 0 for types that are not known, and for those of less than a byte.</summary>
    internal static int BytesOf(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" or "F8_E8M0" => 1,
        "U16" or "I16" or "F16" or "BF16" => 2,
        "U32" or "I32" or "F32" => 4,
        "U64" or "I64" or "F64" or "C64" => 8,
        _ => 0,
    };

    /// <summary>Whether tensors of a type can be had as elements of another.</summary>
    internal static bool Holds<T>(string type)
        where T : unmanaged =>
        Match(type) is { } match
            ? typeof(T) == match
            : BytesOf(type) == Unsafe.SizeOf<T>() && (typeof(T) == Raw(type) || IsStruct(typeof(T)));

    /// <summary>What to ask for, as words.</summary>
    internal static string Advice(string type) =>
        Match(type) is { } match ? $"Ask for {match.Name}"
        : Raw(type) is { } raw ? $"Ask for {raw.Name}, or a struct of its size: .NET has no such type, so it is had as it lies in the file"
        : BytesOf(type) is > 0 and int bytes ? $"Ask for a struct of {bytes} bytes"
        : "Tensors of this type cannot be mapped as a matrix; MapFile maps their bytes";

    private static Type? Match(string type) => type switch
    {
        "BOOL" => typeof(bool),
        "U8" => typeof(byte),
        "I8" => typeof(sbyte),
        "U16" => typeof(ushort),
        "I16" => typeof(short),
        "U32" => typeof(uint),
        "I32" => typeof(int),
        "U64" => typeof(ulong),
        "I64" => typeof(long),
        "F16" => typeof(Half),
        "F32" => typeof(float),
        "F64" => typeof(double),
        _ => null,
    };

    /// <summary>The whole number that has the bits of an element for which .NET has no type.</summary>
    private static Type? Raw(string type) => type switch
    {
        "BF16" => typeof(ushort),
        "F8_E5M2" or "F8_E4M3" or "F8_E8M0" => typeof(byte),
        _ => null,
    };

    /// <summary>Whether a type is a program's own, whose bits may mean anything.</summary>
    private static bool IsStruct(Type type) => !type.IsPrimitive && !type.IsEnum && type != typeof(Half);
}
