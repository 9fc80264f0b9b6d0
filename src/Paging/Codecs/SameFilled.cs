using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Paging.Codecs;

/// <summary>Pages that repeat one pattern of up to 16 bytes (zswap's same-filled pages, of any power-of-two period).</summary>
internal static unsafe class SameFilled
{
    /// <summary>True when the page repeats its first 16 bytes. Any other page is recognized at the first vector that differs.</summary>
    /// <remarks>A page shorter than 16 bytes is its own pattern, padded with zeroes.</remarks>
    internal static bool TryFind(byte* page, int length, out Vector128<byte> pattern)
    {
        if (length < Vector128<byte>.Count)
        {
            pattern = default;
            Unsafe.CopyBlockUnaligned(ref Unsafe.As<Vector128<byte>, byte>(ref pattern), ref *page, (uint)length);
            return true;
        }

        pattern = Vector128.Load(page);
        int last = length - Vector128<byte>.Count;
        for (int i = Vector128<byte>.Count; i <= last; i += Vector128<byte>.Count)
        {
            if (Vector128.Load(page + i) != pattern)
            {
                return false;
            }
        }

        int done = length & ~(Vector128<byte>.Count - 1);
        return new ReadOnlySpan<byte>(page + done, length - done).SequenceEqual(new ReadOnlySpan<byte>(page, length - done));
    }

    internal static void Fill(byte* page, int length, Vector128<byte> pattern)
    {
        if (pattern == Vector128<byte>.Zero)
        {
            Unsafe.InitBlockUnaligned(page, 0, (uint)length);
            return;
        }

        // Stores as wide as the processor has them.
        (int vectors, int rest) = Math.DivRem(length, Vector128<byte>.Count);
        new Span<Vector128<byte>>(page, vectors).Fill(pattern);
        Unsafe.CopyBlockUnaligned(ref page[length - rest], ref Unsafe.As<Vector128<byte>, byte>(ref pattern), (uint)rest);
    }
}
