using System.Diagnostics;
using System.Numerics;
using ZstdSharp.Unsafe;

namespace Paging.Codecs;

/// <summary>A Zstd compression context in memory of its own, for one thread at a time.</summary>
/// <remarks>A context that was given its memory ("static") never allocates. This one is as large as the tables of the level for the longest
/// page seen so far, rounded up to a power of two: from 29 KiB to 1.3 MiB at levels up to 3. It grows between pages, and never
/// shrinks.</remarks>
internal sealed unsafe class ZstdEncoder : IDisposable
{
    private CodecMemory? _memory;
    private ZSTD_CCtx_s* _context;
    private int _length;
    private int _level;

    /// <summary>What the context takes.</summary>
    internal nuint Bytes => _memory?.Bytes ?? 0;

    public void Dispose() => _memory?.Dispose();

    /// <summary>Compresses one page.</summary>
    /// <returns>The encoded length; −1 when it exceeds the limit, or when there is no memory for the tables.</returns>
    internal int TryEncode(byte* source, int length, byte* target, int limit, int level)
    {
        // Pages come in runs of one length and level.
        if ((length != _length || level != _level) && !TryFit(length, level))
        {
            return -1;
        }

        // The call itself starts a frame, whatever became of the last one, and keeps the tables. They need no clearing, since positions go
        // on counting where the last page ended.
        nuint encoded = Methods.ZSTD_compress2(_context, target, (nuint)limit, source, (nuint)length);
        return Methods.ZSTD_isError(encoded) ? -1 : (int)encoded;
    }

    private bool TryFit(int length, int level)
    {
        ulong capacity = BitOperations.RoundUpToPowerOf2((uint)length);
        nuint bytes = Methods.ZSTD_estimateCCtxSize_usingCParams(Methods.ZSTD_getCParams(level, capacity, 0));
        if ((_memory is null || _memory.Bytes < bytes) && !TryGrow(bytes))
        {
            return false;
        }

        // A page that exceeded its limit has left a frame unfinished, and within a frame no parameter may be changed.
        Check(Methods.ZSTD_CCtx_reset(_context, ZSTD_ResetDirective.ZSTD_reset_session_only));
        Check(Methods.ZSTD_CCtx_setParameter(_context, ZSTD_cParameter.ZSTD_c_compressionLevel, level));
        _length = length;
        _level = level;
        return true;
    }

    private bool TryGrow(nuint bytes)
    {
        CodecMemory? memory = CodecMemory.TryTake(bytes, zeroed: true);
        if (memory is null)
        {
            return false;
        }

        // With the old memory the old context goes: until all of this is done, no page fits.
        _length = 0;
        _memory?.Dispose();
        _memory = memory;
        _context = Methods.ZSTD_initStaticCCtx(memory.Address, memory.Bytes);
        Debug.Assert(_context != null, "the memory is as large and as aligned as the context asks for");

        // The parameters of a static context are zeroes at first, not the defaults: its frames would not say how long they are.
        Check(Methods.ZSTD_CCtx_reset(_context, ZSTD_ResetDirective.ZSTD_reset_session_and_parameters));
        Check(Methods.ZSTD_CCtx_setParameter(_context, ZstdFrame.EncoderFormat, ZstdFrame.Magicless));
        return true;
    }

    private static void Check(nuint result) => Debug.Assert(!Methods.ZSTD_isError(result), "a parameter that exists, between two frames");
}
