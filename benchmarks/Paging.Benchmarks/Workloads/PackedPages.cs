using System.IO.Hashing;
using System.Runtime.CompilerServices;
using K4os.Compression.LZ4;

namespace Paging.Benchmarks.Workloads;

/// <summary>The limit of the fault workloads: the same pages packed in native memory, brought one after another into frames.</summary>
/// <remarks>What it lacks is what the library is about: no page table, no statistics, no choice of a victim, no thread safety, and
/// where pages are encoded no checksum either. What it shares decides the memory traffic: as many frames, the pages packed as
/// closely and in the same order, huge pages under both, and a table that says where each page is.</remarks>
internal sealed unsafe class PackedPages : IDisposable
{
    private const int Alignment = 16;
    private const int Seed = 42;

    private readonly NativeBuffer _store;
    private readonly NativeBuffer _frames;
    private readonly Entry[] _entries;
    private readonly int _pageBytes;

    /// <param name="encoded">Encoded by LZ4; otherwise as they are, with a checksum.</param>
    public PackedPages(PageSet pages, long residentBytes, bool encoded)
    {
        _pageBytes = pages.PageBytes;
        FrameCount = (int)(residentBytes / _pageBytes);
        _frames = new NativeBuffer((long)FrameCount * _pageBytes);
        _store = new NativeBuffer((pages.TotalBytes / 16 * 17) + (2L << 20));
        _entries = new Entry[pages.Count];
        long end = 0;
        for (int i = 0; i < pages.Count; i++)
        {
            // A gap as large as an entry's header keeps raw pages off multiples of 4 KiB, where copies between equal offsets are slow.
            end += Alignment;
            int length = encoded
                ? LZ4Codec.Encode(pages.Pointer(i), _pageBytes, _store.Pointer + end, LZ4Codec.MaximumOutputSize(_pageBytes))
                : Copy(pages.Bytes(i), _store.Span<byte>(end, _pageBytes));
            _entries[i] = new Entry(end, length, XxHash3.HashToUInt64(pages.Bytes(i), Seed));
            end = (end + length + Alignment - 1) / Alignment * Alignment;
        }
    }

    public int FrameCount { get; }

    /// <param name="frames">Frames to use in turn.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public long Decode(ReadOnlySpan<int> order, ref Ring frames)
    {
        Entry[] entries = _entries;
        byte* store = _store.Pointer;
        int pageBytes = _pageBytes;
        long sum = 0;
        foreach (int page in order)
        {
            ref readonly Entry entry = ref entries[page];
            byte* frame = _frames.Pointer + ((long)frames.Take() * pageBytes);
            if (LZ4Codec.Decode(store + entry.Offset, entry.Length, frame, pageBytes) != pageBytes)
            {
                throw new DataMismatchException($"Page {page} does not decode.");
            }

            sum += *(long*)frame;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public long CopyAndCheck(ReadOnlySpan<int> order, ref Ring frames)
    {
        Entry[] entries = _entries;
        byte* store = _store.Pointer;
        int pageBytes = _pageBytes;
        long sum = 0;
        foreach (int page in order)
        {
            ref readonly Entry entry = ref entries[page];
            byte* frame = _frames.Pointer + ((long)frames.Take() * pageBytes);
            Span<byte> bytes = new(frame, pageBytes);
            new ReadOnlySpan<byte>(store + entry.Offset, pageBytes).CopyTo(bytes);
            if (XxHash3.HashToUInt64(bytes, Seed) != entry.Checksum)
            {
                throw new DataMismatchException($"Page {page} fails its checksum.");
            }

            sum += *(long*)frame;
        }

        return sum;
    }

    public void Verify(PageSet pages, bool encoded)
    {
        for (int i = 0; i < pages.Count; i++)
        {
            Ring first = new(0, 1);
            _ = encoded ? Decode([i], ref first) : CopyAndCheck([i], ref first);
            pages.Verify(i, _frames.Span<byte>(0, _pageBytes), "the limit");
        }
    }

    public void Dispose()
    {
        _frames.Dispose();
        _store.Dispose();
    }

    private static int Copy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        from.CopyTo(to);
        return from.Length;
    }

    private readonly record struct Entry(long Offset, int Length, ulong Checksum);
}

/// <summary>Frames used in turn, from First to the one before End.</summary>
internal record struct Ring(int First, int End)
{
    private int _next = First;

    public int Take()
    {
        int taken = _next;
        _next = taken + 1 == End ? First : taken + 1;
        return taken;
    }
}

/// <summary>Brings pages into frames in a given order by one thread.</summary>
internal sealed class PackedSide(PackedPages pages, int[] order, bool encoded) : ISide
{
    private Ring _frames = new(0, pages.FrameCount);

    public Outcome Run()
    {
        long sum = 0;
        for (int i = 0; i < order.Length; i += Orders.Slice)
        {
            ReadOnlySpan<int> slice = Orders.SliceAt(order, i);
            sum += encoded ? pages.Decode(slice, ref _frames) : pages.CopyAndCheck(slice, ref _frames);
        }

        return new Outcome(order.Length, sum);
    }
}
