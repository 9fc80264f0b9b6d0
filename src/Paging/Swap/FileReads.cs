using System.Numerics;
using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Reads of files that are under way, or whose bytes are still looked at. Whoever loads a page finds the read that has it,
/// whichever thread has begun that.</summary>
/// <remarks>
/// A read changes nothing: whether it is of use is seen when a page is loaded, under the rules of every load. One that failed, or whose
/// bytes are not the entry, is as if there had been none. No thread waits for a place or for a buffer here.
///
/// What bounds reads here are places and buffers. How many of them the disk works on at once is decided below, by
/// <see cref="LongReadWindow"/>.
///
/// Threads that begin reads and threads that load pages are inside the pager's rundown. So no buffer and no file goes meanwhile.
/// </remarks>
internal sealed unsafe class FileReads(SegmentTable segments, Counters counters)
{
    /// <summary>Reads at once, of all threads.</summary>
    internal const int Max = 256;

    /// <summary>The first block of each read, and how many it has, as a hint where to look: of whichever file.</summary>
    private readonly uint[] _blocks = new uint[Max];
    private readonly uint[] _counts = new uint[Max];
    private FileRead[]? _reads;

    /// <summary>Makes the places, before there is a file. Any thread, any number of times.</summary>
    internal void Prepare()
    {
        if (Volatile.Read(ref _reads) is not null)
        {
            return;
        }

        var reads = new FileRead[Max];
        for (int i = 0; i < Max; i++)
        {
            reads[i] = new FileRead(i);
        }

        // null → the places. Races with a thread that adds another file; one of the two arrays is garbage.
        Interlocked.CompareExchange(ref _reads, reads, null);
    }

    /// <summary>A read that has these blocks of a segment, with the caller as its user, who leaves by <see cref="Leave"/>.</summary>
    /// <param name="area">The file.</param>
    /// <param name="segment">The segment, which the caller has pinned.</param>
    /// <param name="range">The blocks.</param>
    /// <returns>Null when there is none.</returns>
    internal FileRead? Find(SwapArea area, int segment, in BlockRange range)
    {
        for (int i = -1; (i = NextAt(BlockOf(area, range.Offset), i + 1)) >= 0;)
        {
            if (_reads![i].Has(area, segment, range))
            {
                return _reads[i];
            }

            Leave(_reads[i]);
        }

        return null;
    }

    /// <summary>A read that has these bytes of a file that arrays are mapped from, with the caller as its user, who leaves by
    /// <see cref="Leave"/>.</summary>
    /// <param name="file">The file, of which the caller is a user.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <returns>Null when there is none.</returns>
    internal FileRead? Find(SourceFile file, long offset, long bytes)
    {
        for (int i = -1; (i = NextAt((uint)(offset / SwapDevice.BufferAlignment), i + 1)) >= 0;)
        {
            if (_reads![i].Has(file, offset, bytes))
            {
                return _reads[i];
            }

            Leave(_reads[i]);
        }

        return null;
    }

    /// <summary>The next read, from a place on, that has a block of whichever file; the caller is its user then.</summary>
    /// <returns>Its place; −1 when there is none.</returns>
    private int NextAt(uint block, int from)
    {
        for (int i = from & -Vector<uint>.Count; i < Max; i += Vector<uint>.Count)
        {
            Vector<uint> inside = Vector.LessThan(new Vector<uint>(block) - new Vector<uint>(_blocks, i), new Vector<uint>(_counts, i));
            for (int k = Math.Max(0, from - i); inside != Vector<uint>.Zero && k < Vector<uint>.Count; k++)
            {
                if (inside[k] != 0 && _reads![i + k].TryEnter())
                {
                    return i + k;
                }
            }
        }

        return -1;
    }

    /// <summary>Begins to read a piece of a file that arrays are mapped from.</summary>
    /// <param name="piece">The piece, of whose file the caller stays a user.</param>
    /// <returns>Null when there is no place, or no buffer that is so long. The caller is the user of what is returned.</returns>
    internal FileRead? TryBegin(in SourcePiece piece)
    {
        BlockRange range = piece.Range;
        bool isShort = range.Length <= piece.Buffers.BufferBytes;
        BounceBuffers buffers = isShort ? piece.Buffers : piece.RunBuffers;
        byte* buffer = Rent(ref buffers, ref isShort, piece.RunBuffers, range.Length);
        if (buffer == null)
        {
            return null;
        }

        if (Claim() is not { } read)
        {
            Return(buffers, buffer, isShort, range.Length);
            return null;
        }

        read.Start(piece, buffers, isShort, buffer);
        Tell(read, (uint)(range.Offset / SwapDevice.BufferAlignment), range.Length / SwapDevice.BufferAlignment);
        return read;
    }

    /// <summary>Pins a segment of which a part is to be read.</summary>
    /// <param name="number">The segment.</param>
    /// <param name="first">The offset of the first byte.</param>
    /// <param name="end">One past the offset of the last.</param>
    /// <param name="piece">What is to be read. Its pin is the caller's, until a read is begun.</param>
    /// <param name="other">A read that has that part already, with the caller as its user.</param>
    /// <returns>False when it is not in a file, or is read already.</returns>
    internal bool TryPin(int number, int first, int end, out FilePiece piece, out FileRead? other)
    {
        piece = default;
        other = null;
        if (_reads is null || !segments.TryPin(number, out bool onFile))
        {
            return false;
        }

        // The number may be another segment's than the one that was looked for. Then something is read for nothing, but not beyond its end.
        Segment* segment = segments[number];
        if (onFile && end <= segment->Used)
        {
            SwapArea area = segments.Files.Of(segment);
            var range = BlockRange.Of(area.Device, segment->Block, first, end - first);
            other = Find(area, number, range);
            if (other is null)
            {
                piece = new FilePiece(area, range, number, (ulong)segment->SealedAt);
                return true;
            }
        }

        segments.Unpin(number);
        return false;
    }

    /// <summary>Gives the pins of pieces back that are not read after all.</summary>
    internal void Unpin(ReadOnlySpan<FilePiece> pieces)
    {
        foreach (ref readonly FilePiece piece in pieces)
        {
            segments.Unpin(piece.Segment);
        }
    }

    /// <summary>Begins to read pieces of one file that lie next to each other, in their order.</summary>
    /// <returns>Null when there is no place or no buffer of that size: the pins are still the caller's. The caller is the user of what is
    /// returned.</returns>
    internal FileRead? TryBegin(ReadOnlySpan<FilePiece> pieces)
    {
        SegmentLog log = segments.Logs[segments[pieces[0].Segment]->Log]!;
        int bytes = (int)(pieces[^1].End - pieces[0].Range.Offset);
        bool isOfEntry = bytes <= log.EntryBuffers.BufferBytes;
        BounceBuffers buffers = isOfEntry ? log.EntryBuffers : log.RunBuffers;
        byte* buffer = Rent(ref buffers, ref isOfEntry, log.RunBuffers, bytes);
        if (buffer == null)
        {
            return null;
        }

        if (Claim() is not { } read)
        {
            Return(buffers, buffer, isOfEntry, bytes);
            return null;
        }

        read.Start(pieces, buffers, isOfEntry, buffer);
        SwapArea area = pieces[0].Area;
        Tell(read, BlockOf(area, pieces[0].Range.Offset), bytes / area.Device.BlockBytes);
        return read;
    }

    /// <summary>Ends the caller's use of a read.</summary>
    internal void Leave(FileRead read)
    {
        if (!read.Leave())
        {
            return;
        }

        // Those who took bytes from it have waited. The thread that has begun it may leave before the device is done.
        read.Await();
        Volatile.Write(ref _counts[read.Number], 0);
        Span<int> pinned = stackalloc int[FileRead.MaxPieces];
        foreach (int segment in pinned[..read.TakeDown(counters, pinned)])
        {
            segments.Unpin(segment);
        }
    }

    /// <summary>Takes a buffer: one for a single page, where that is long enough and there is one; otherwise several that follow one
    /// another.</summary>
    private static byte* Rent(ref BounceBuffers buffers, ref bool isShort, BounceBuffers runs, int bytes)
    {
        byte* buffer = isShort ? buffers.TryRentAhead() : buffers.TryRentRun(bytes);
        if (buffer == null && isShort)
        {
            isShort = false;
            buffers = runs;
            buffer = runs.TryRentRun(bytes);
        }

        return buffer;
    }

    private static void Return(BounceBuffers buffers, byte* buffer, bool isShort, int bytes)
    {
        if (isShort)
        {
            buffers.ReturnAhead(buffer);
        }
        else
        {
            buffers.ReturnRun(buffer, bytes);
        }
    }

    /// <summary>Lets others find a read that has begun.</summary>
    private void Tell(FileRead read, uint block, int blocks)
    {
        _blocks[read.Number] = block;
        Volatile.Write(ref _counts[read.Number], (uint)blocks);
    }

    /// <summary>Ends the use of a read at its end.</summary>
    internal readonly ref struct Use(FileReads reads, FileRead read)
    {
        private readonly FileRead _read = read;

        public void Dispose() => reads.Leave(_read);
    }

    private static uint BlockOf(SwapArea area, long offset) => (uint)(offset / area.Device.BlockBytes);

    private FileRead? Claim()
    {
        for (int i = 0; i < Max; i++)
        {
            if (Volatile.Read(ref _counts[i]) == 0 && _reads![i].TryClaim())
            {
                return _reads[i];
            }
        }

        return null;
    }
}
