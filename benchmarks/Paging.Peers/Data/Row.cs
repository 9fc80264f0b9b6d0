using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Paging.Peers.Data;

/// <summary>What was read is not what was written.</summary>
internal sealed class DataMismatchException(string message) : Exception(message);

/// <summary>A row of 4 KiB that says itself whether it is what it should be.</summary>
/// <remarks>Its first word is its number, its second how often it was updated, its last a hash of all before it; between them is data of
/// a file. So every row differs from every other, and nobody needs a second copy of the data to verify it.</remarks>
internal static class Row
{
    public const int Bytes = 4096;
    private const int Words = Bytes / sizeof(long);
    private const int WordsALine = 8;
    private const int Hashed = Bytes - sizeof(ulong);

    /// <summary>Makes the data in <paramref name="row"/> the row of that number and version.</summary>
    public static void Stamp(Span<byte> row, long number, long version)
    {
        Span<long> words = MemoryMarshal.Cast<byte, long>(row[..Bytes]);
        words[0] = number;
        words[1] = version;
        words[Words - 1] = (long)XxHash3.HashToUInt64(row[..Hashed]);
    }

    public static long Number(ReadOnlySpan<byte> row) => MemoryMarshal.Read<long>(row);

    /// <summary>The cheap check, for loops that are timed.</summary>
    /// <exception cref="DataMismatchException">It is another row.</exception>
    public static void CheckNumber(ReadOnlySpan<byte> row, long number)
    {
        if (Number(row) != number)
        {
            throw new DataMismatchException($"Row {number:n0} was asked for, and row {Number(row):n0} came back.");
        }
    }

    /// <exception cref="DataMismatchException">Any byte is not as it was written.</exception>
    public static void Verify(ReadOnlySpan<byte> row, long number, long version)
    {
        CheckNumber(row, number);
        long found = MemoryMarshal.Read<long>(row[sizeof(long)..]);
        if (found != version)
        {
            throw new DataMismatchException($"Row {number:n0} should have been updated {version:n0} times, and says {found:n0}.");
        }

        if (MemoryMarshal.Read<ulong>(row[Hashed..Bytes]) != XxHash3.HashToUInt64(row[..Hashed]))
        {
            throw new DataMismatchException($"Row {number:n0} came back with other bytes.");
        }
    }

    /// <summary>Reads a word of every cache line, as a program that uses the row would.</summary>
    public static long Touch(ReadOnlySpan<byte> row)
    {
        ReadOnlySpan<long> words = MemoryMarshal.Cast<byte, long>(row[..Bytes]);
        long sum = 0;
        for (int i = 0; i < words.Length; i += WordsALine)
        {
            sum += words[i];
        }

        return sum;
    }
}
