using System.Runtime.CompilerServices;
using K4os.Compression.LZ4;
using Paging.Swap;
using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>The limit of the faults from a file: the same pages, encoded by K4os and packed as closely, in a raw file of the same size.</summary>
/// <remarks>A page is read by one pread of the blocks that hold it, as many as ours reads on average: both pack entries at multiples of
/// 16 bytes, behind headers of the same size.</remarks>
internal sealed unsafe class RawPages : IDisposable
{
    private const int Alignment = 16;
    private const long SegmentBytes = 1 << 20;
    private const int ReadBlocksExtra = 3; // of a page's own, for where it begins and ends, and for what LZ4 may add

    private readonly (long Offset, int Length)[] _entries;
    private readonly NativeBuffer _frames;
    private readonly int _pageBytes;
    private readonly int _frameCount;

    public RawPages(PageSet pages, Options options, long fileBytes)
    {
        _pageBytes = pages.PageBytes;
        long resident = options.ResidentFor(pages.TotalBytes, _pageBytes);
        _frames = new NativeBuffer(resident);
        _frameCount = (int)(resident / _pageBytes);
        _entries = new (long, int)[pages.Count];
        File = new RawFile(options.SwapDirectory, fileBytes);
        using NativeBuffer segment = new(SegmentBytes);
        byte[] encoded = new byte[LZ4Codec.MaximumOutputSize(_pageBytes)];
        long start = 0;
        int used = 0;
        for (int i = 0; i < pages.Count; i++)
        {
            int length = LZ4Codec.Encode(pages.Bytes(i), encoded);
            int entry = (EntryHeader.Size + length + Alignment - 1) / Alignment * Alignment;
            if (used + entry > SegmentBytes)
            {
                File.WriteBlocks(start, segment.Pointer, SegmentBytes);
                start += SegmentBytes;
                used = 0;
            }

            encoded.AsSpan(0, length).CopyTo(segment.Span<byte>(used + EntryHeader.Size, length));
            _entries[i] = (start + used, EntryHeader.Size + length);
            used += entry;
        }

        File.WriteBlocks(start, segment.Pointer, SegmentBytes);
    }

    public RawFile File { get; }

    /// <summary>Of one buffer for reading a page, with the blocks around it.</summary>
    public int BufferBytes => (int)RawFile.WholeBlocks(_pageBytes) + (ReadBlocksExtra * SwapDevice.BufferAlignment);

    /// <summary>Reads pages one after the other.</summary>
    /// <param name="decode">Into a frame, and sums the first words; otherwise the sum is 0.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Read(ReadOnlySpan<int> order, byte* buffer, bool decode, ref Ring frames)
    {
        long sum = 0;
        foreach (int page in order)
        {
            (long offset, int length) = _entries[page];
            byte* entry = File.ReadRange(offset, length, buffer);
            sum += decode ? Decode(entry, length, ref frames) : 0;
        }

        return sum;
    }

    public BlockRange RangeOf(int page)
    {
        (long offset, int length) = _entries[page];
        long first = offset / SwapDevice.BufferAlignment * SwapDevice.BufferAlignment;
        return new BlockRange(first, (int)(RawFile.WholeBlocks(offset + length) - first), (int)(offset - first));
    }

    /// <summary>The share of the frames that one of several threads uses.</summary>
    public Ring Frames(int thread, int threads) => new(_frameCount * thread / threads, _frameCount * (thread + 1) / threads);

    public void Dispose()
    {
        File.Dispose();
        _frames.Dispose();
    }

    /// <summary>Decodes a page from the blocks that were read.</summary>
    public long Decode(int page, byte* blocks, ref Ring frames) =>
        Decode(blocks + RangeOf(page).Skip, _entries[page].Length, ref frames);

    private long Decode(byte* entry, int length, ref Ring frames)
    {
        byte* frame = _frames.Pointer + ((long)frames.Take() * _pageBytes);
        if (LZ4Codec.Decode(entry + EntryHeader.Size, length - EntryHeader.Size, frame, _pageBytes) != _pageBytes)
        {
            throw new DataMismatchException("A page of the raw file does not decode.");
        }

        return *(long*)frame;
    }
}

/// <summary>One thread that reads windows of pages by pread.</summary>
internal sealed unsafe class RawPagesSide(RawPages pages, Windows windows, bool decode) : ISide, IDisposable
{
    private readonly NativeBuffer _buffer = new(pages.BufferBytes);
    private Ring _frames = pages.Frames(0, 1);

    public Outcome Run()
    {
        ReadOnlySpan<int> order = windows.Take();
        long sum = 0;
        for (int i = 0; i < order.Length; i += Orders.Slice)
        {
            sum += pages.Read(order[i..Math.Min(i + Orders.Slice, order.Length)], _buffer.Pointer, decode, ref _frames);
        }

        return new Outcome(order.Length, sum);
    }

    public void Dispose() => _buffer.Dispose();
}
