using System.IO.Hashing;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using K4os.Compression.LZ4;
using ZstdSharp.Unsafe;

namespace Paging.Codecs;

/// <summary>Has the assemblies loaded that codecs, filters and checksums are in, and those that they use themselves.</summary>
/// <remarks>The runtime loads an assembly when code that needs it is compiled, which would be at the first eviction, or, for Zstd, when
/// the first page has gone cold: on a thread of the background, which has nobody to tell that the process has no descriptor left to open the
/// file with, and an exception there ends the process.</remarks>
internal static unsafe class CodecLibraries
{
    private const int Length = 256;

    /// <summary>Written by any thread; to do it twice does no harm.</summary>
    private static bool s_areLoaded;

    /// <summary>Does nothing but the first time.</summary>
    /// <exception cref="IOException">An assembly cannot be loaded.</exception>
    internal static void Load()
    {
        if (Volatile.Read(ref s_areLoaded))
        {
            return;
        }

        try
        {
            Use();
        }
        catch (Exception e) when ((e is TypeInitializationException ? e.InnerException : e) is FileNotFoundException or FileLoadException)
        {
            throw new IOException(
                "An assembly that pages are compressed with cannot be loaded. Is it beside Paging.dll, and may the process open another file "
                    + $"(ulimit -n)? {(e.InnerException ?? e).Message}",
                e);
        }

        Volatile.Write(ref s_areLoaded, true);
    }

    /// <summary>Compresses little once, since libraries load others with their first use.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use()
    {
        byte* page = stackalloc byte[Length];
        byte* encoded = stackalloc byte[2 * Length];
        new Span<byte>(page, Length).Clear();
        int bytes = LZ4Codec.Encode(page, Length, encoded, 2 * Length, LZ4Level.L00_FAST);
        _ = LZ4Codec.Decode(encoded, bytes, page, Length);
        _ = XxHash3.HashToUInt64(new ReadOnlySpan<byte>(encoded, bytes));
        _ = Methods.ZSTD_isError(0);
        RuntimeHelpers.RunClassConstructor(typeof(Methods).TypeHandle);

        // The facades through which our own code names vectors.
        _ = (Vector128.IsHardwareAccelerated, Vector.IsHardwareAccelerated);
    }
}
