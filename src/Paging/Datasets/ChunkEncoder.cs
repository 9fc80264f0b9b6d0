using Paging.Codecs;
using Paging.Codecs.Filters;

namespace Paging.Datasets;

/// <summary>Encodes chunks as blosc has them, with the filter that suits them. Any number of threads use it at the same time.</summary>
internal sealed unsafe class ChunkEncoder
{
    private readonly CompressionGoal _goal;
    private readonly int _elementBytes;
    private readonly Filter _fixed;
    private readonly FilterChooser? _chooser;

    /// <param name="goal">What compression spends its time on.</param>
    /// <param name="elementBytes">The length of an element.</param>
    /// <param name="filter">The filter that was asked for; null to let the chunks decide.</param>
    internal ChunkEncoder(CompressionGoal goal, int elementBytes, Filter? filter)
    {
        _goal = goal;
        _elementBytes = elementBytes;
        _fixed = filter ?? Filter.None;
        _chooser = filter is null && goal != CompressionGoal.None ? new FilterChooser(elementBytes, isPortable: true) : null;
    }

    /// <summary>The codec of chunks that shrink.</summary>
    internal Codec Codec => _goal switch
    {
        CompressionGoal.None => Codec.Raw,
        CompressionGoal.Speed => Codec.Lz4,
        _ => Codec.Zstd,
    };

    /// <summary>The level of Zstd: for Ratio that of pages that are compressed again when cold, otherwise that of stores.</summary>
    internal int Level => _goal == CompressionGoal.Ratio ? Swap.Recompressor.Level : CompressionPolicy.StoreLevel;

    /// <summary>The filter that chunks have now.</summary>
    internal Filter Current => _chooser?.Current ?? _fixed;

    /// <summary>The most bytes of an encoded chunk.</summary>
    internal static int MaxBytes(int length) => BloscChunk.MaxBytes(length);

    /// <summary>Encodes a chunk.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="length">Its length.</param>
    /// <param name="target">Has room for <see cref="MaxBytes"/>.</param>
    /// <returns>The length of the encoding.</returns>
    internal int Encode(byte* chunk, int length, byte* target)
    {
        if (_goal == CompressionGoal.None)
        {
            Buffer.MemoryCopy(chunk, target, length, length);
            return length;
        }

        var form = new StoredForm(Codec, Current);
        FilterChooser? chooser = _chooser;
        if (chooser is not null && chooser.IsDue && chooser.TryEnter())
        {
            try
            {
                // It encodes as for the pool, which no reader of datasets knows. Only the filter that it comes to is wanted.
                _ = chooser.Encode(_goal, chunk, length, target, PageCodec.MaxEncoded(length), ref form);
            }
            finally
            {
                chooser.Exit();
            }

            return BloscChunk.Encode(form, _elementBytes, Level, chunk, length, target);
        }

        int encoded = BloscChunk.Encode(form, _elementBytes, Level, chunk, length, target);
        chooser?.Note(length, encoded < length ? encoded : -1);
        return encoded;
    }
}
