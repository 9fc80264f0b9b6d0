using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Paging.Stress.Driver;

internal enum ContentKind
{
    /// <summary>Zero bytes.</summary>
    Zeros,
    /// <summary>One element over and over: a page of it is same-filled when the element divides 16 bytes.</summary>
    Constant,
    /// <summary>Words of a small vocabulary: LZ4 halves it.</summary>
    Text,
    /// <summary>Random bytes: nothing shrinks it.</summary>
    Noise,
}

/// <summary>Contents made from a kind and a salt, so that they need not be kept to be checked. Everything is compared as
/// bytes: floats that are not numbers and decimals of any bits must come back as they were.</summary>
internal static class Content
{
    private static readonly byte[] s_vocabulary =
        Encoding.ASCII.GetBytes("the page frame pool segment holds a cold swap of what was read and then written to it; ");

    public static void Write<T>(ContentKind kind, ulong salt, Span<T> destination) where T : unmanaged
    {
        switch (kind)
        {
            case ContentKind.Zeros:
                destination.Clear();
                break;
            case ContentKind.Constant:
                destination.Fill(Value<T>(salt));
                break;
            case ContentKind.Text:
                Text(salt, MemoryMarshal.AsBytes(destination));
                break;
            default:
                Noise(salt, MemoryMarshal.AsBytes(destination));
                break;
        }
    }

    /// <summary>An element of random bytes.</summary>
    public static T Value<T>(ulong salt) where T : unmanaged
    {
        T value = default;
        Noise(salt, MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    /// <summary>Mostly what compresses a little; enough noise to fill a pool.</summary>
    public static ContentKind Pick(ref Rng rng) => rng.Next(100) switch
    {
        < 10 => ContentKind.Zeros,
        < 25 => ContentKind.Constant,
        < 60 => ContentKind.Text,
        _ => ContentKind.Noise,
    };

    /// <summary>The index of the first element that differs, or -1.</summary>
    public static int FirstDifference<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual) where T : unmanaged
    {
        ReadOnlySpan<byte> left = MemoryMarshal.AsBytes(expected), right = MemoryMarshal.AsBytes(actual);
        int common = left.CommonPrefixLength(right);
        return common == left.Length && common == right.Length ? -1 : common / Unsafe.SizeOf<T>();
    }

    /// <summary>The element's bytes in hexadecimal, lowest address first.</summary>
    public static string Hex<T>(T value) where T : unmanaged =>
        Convert.ToHexString(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>Whether a page of these bytes can be kept as a pattern of 16 bytes.</summary>
    public static bool IsSameFilled(ReadOnlySpan<byte> page) => page.Length <= 16 || page[16..].SequenceEqual(page[..^16]);

    private static void Noise(ulong salt, Span<byte> destination)
    {
        var rng = new Rng(salt);
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(destination);
        for (int i = 0; i < words.Length; i++)
            words[i] = rng.Next();
        ulong last = rng.Next();
        for (int i = words.Length * sizeof(ulong); i < destination.Length; i++, last >>= 8)
            destination[i] = (byte)last;
    }

    private static void Text(ulong salt, Span<byte> destination)
    {
        var rng = new Rng(salt);
        while (!destination.IsEmpty)
        {
            int start = rng.Next(s_vocabulary.Length - 12);
            ReadOnlySpan<byte> words = s_vocabulary.AsSpan(start, Math.Min(4 + rng.Next(8), destination.Length));
            words.CopyTo(destination);
            destination = destination[words.Length..];
        }
    }
}
