using System.Diagnostics;
using ZstdSharp.Unsafe;

namespace Paging.Codecs;

/// <summary>A Zstd decompression context in memory of its own: 94 KiB, whatever the pages. For one thread at a time.</summary>
internal sealed unsafe class ZstdDecoder : IDisposable
{
    private readonly CodecMemory _memory;
    private readonly ZSTD_DCtx_s* _context;

    private ZstdDecoder(CodecMemory memory)
    {
        _memory = memory;
        _context = Methods.ZSTD_initStaticDCtx(memory.Address, memory.Bytes);
        Debug.Assert(_context != null, "the memory is as large and as aligned as the context asks for");
        nuint result = Methods.ZSTD_DCtx_setParameter(_context, ZstdFrame.DecoderFormat, ZstdFrame.Magicless);
        Debug.Assert(!Methods.ZSTD_isError(result), "a parameter that exists, between two frames");
    }

    /// <returns>Null when the system has no memory for it.</returns>
    internal static ZstdDecoder? TryCreate()
    {
        CodecMemory? memory = CodecMemory.TryTake(Methods.ZSTD_estimateDCtxSize(), zeroed: true);
        return memory is null ? null : new ZstdDecoder(memory);
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>Decompresses one page.</summary>
    /// <returns>False unless the bytes decode to exactly this length.</returns>
    internal bool TryDecode(byte* source, int encodedLength, byte* page, int length)
    {
        // Errors are the highest numbers, and never a length. A negative length would be taken for a very long one.
        return encodedLength > 0
            && Methods.ZSTD_decompressDCtx(_context, page, (nuint)length, source, (nuint)encodedLength) == (nuint)length;
    }
}
