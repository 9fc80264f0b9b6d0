using Paging.Codecs;
using Paging.Swap.Devices;

namespace Paging.Datasets;

/// <summary>Buffers for a chunk on its way into a frame: as it is in its file, behind its filter, decoded. For one thread at a time. They
/// grow to what the dataset needs, and stay.</summary>
internal sealed unsafe class DatasetScratch : IDisposable
{
    private const int Block = SwapDevice.BufferAlignment;

    /// <summary>Buffers grow by as much at least.</summary>
    private const int Step = 64 << 10;

    private CodecMemory? _encoded;
    private CodecMemory? _filters;
    private CodecMemory? _decoded;

    /// <summary>The chunk that <see cref="Decoded"/> holds; −1 for none.</summary>
    internal long DecodedChunk { get; set; } = -1;

    /// <summary>A buffer for whole blocks of a file.</summary>
    /// <returns>Null when the system has no memory for it.</returns>
    internal byte* Encoded(long bytes)
    {
        byte* start = Fit(ref _encoded, bytes + Block);
        return start == null ? null : (byte*)(((nint)start + Block - 1) & -Block);
    }

    /// <summary>Two buffers, one behind the other, each for so many bytes.</summary>
    internal byte* Filters(long bytes) => Fit(ref _filters, 2 * bytes);

    /// <summary>A buffer for a chunk that is more than the page. What it held is kept as long as the length is the same.</summary>
    internal byte* Decoded(long bytes) => Fit(ref _decoded, bytes);

    public void Dispose()
    {
        _encoded?.Dispose();
        _filters?.Dispose();
        _decoded?.Dispose();
    }

    private static byte* Fit(ref CodecMemory? memory, long bytes)
    {
        if (memory is null || memory.Bytes < (nuint)bytes)
        {
            // Chunks differ a little in length, and memory that is let go for a little more of it is not given back to the system.
            memory?.Dispose();
            memory = CodecMemory.TryTake((nuint)((bytes + Step - 1) / Step * Step), zeroed: false);
        }

        return memory is null ? null : memory.Address;
    }
}
