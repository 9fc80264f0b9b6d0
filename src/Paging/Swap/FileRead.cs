using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Blocks of one segment that are to be read.</summary>
/// <param name="Area">The file.</param>
/// <param name="Range">The blocks.</param>
/// <param name="Segment">The segment, with a pin that belongs to whoever has this.</param>
/// <param name="Stamp">Names the write of the segment.</param>
internal readonly record struct FilePiece(SwapArea Area, BlockRange Range, int Segment, ulong Stamp)
{
    internal long End => Range.Offset + Range.Length;
}

/// <summary>A read of blocks of a file, begun before the pages in them are loaded: of one entry, or of neighbours at once, which may be of
/// several segments; or of a file that arrays are mapped from. A place of <see cref="FileReads"/>, used again and again.</summary>
/// <remarks>
/// <code>
///   Free (0) → Claimed (−1) → 1 … n users → Claimed (−1) → Free (0)
/// </code>
/// The thread that begins it is its first user; threads that load pages are users for as long as they look at the bytes. The last one that
/// leaves takes it down. From its beginning until then it has a pin on each segment, which keeps the slot with it, and a buffer, and all
/// else in it is constant. Only this file changes the word.
///
/// A user has its segment pinned by itself, too, and has seen the descriptor point there under that pin. If the read has a pin on the same
/// segment, it is the one that was read, and what the read has brought is the entry (rule 5). Blocks between two pieces are whatever they
/// are. Of a mapped file nothing is pinned: as long as the read lasts it is a user of the file.
/// </remarks>
internal sealed unsafe class FileRead(int number) : IoRequest
{
    /// <summary>Pieces of one read, at most.</summary>
    internal const int MaxPieces = 16;

    private const int Free = 0;
    private const int Claimed = -1;

    private readonly EventCount _ends = new();
    private BounceBuffers? _buffers;
    private SwapArea? _area;
    private SharedSource? _source;
    private int _wanted;
    private Segments _segments;
    private int _segmentCount;
    private bool _isOfEntry;
    private long _seen;
    private int _users;

    /// <summary>Its place.</summary>
    internal int Number => number;

    /// <summary>Free → Claimed: races with other threads that look for a place.</summary>
    internal bool TryClaim() =>
        Volatile.Read(ref _users) == Free && Shared.CompareExchange(SharedWord.FileRead, ref _users, Claimed, Free) == Free;

    /// <summary>Begins to read. The caller has claimed it; the pins of the pieces belong to the read from here on, and the caller is its
    /// first user.</summary>
    /// <param name="pieces">What is read, in the order of the file; all of one file.</param>
    /// <param name="buffers">Where the buffer is from.</param>
    /// <param name="isOfEntry">Whether it is one of those that others may wait for.</param>
    /// <param name="buffer">As long as from the first block to the last.</param>
    internal void Start(ReadOnlySpan<FilePiece> pieces, BounceBuffers buffers, bool isOfEntry, byte* buffer)
    {
        SwapArea area = pieces[0].Area;
        for (int i = 0; i < pieces.Length; i++)
        {
            _segments[i] = pieces[i].Segment;
        }

        _segmentCount = pieces.Length;
        _area = area;
        _buffers = buffers;
        _isOfEntry = isOfEntry;
        _seen = _ends.Count;
        Operation = IoOperation.Read;
        Offset = pieces[0].Range.Offset;
        Length = (int)(pieces[^1].End - Offset);
        Stamp = pieces[0].Stamp;
        Buffer = buffer;
        Begin();

        // Claimed → 1. Releases the fields to users.
        Shared.Write(SharedWord.FileRead, ref _users, 1);
        area.Device.Submit(this);
    }

    /// <summary>As the other, of a file that arrays are mapped from. The read becomes a user of it.</summary>
    /// <param name="piece">What is read; the caller stays a user of its file.</param>
    /// <param name="buffers">Where the buffer is from.</param>
    /// <param name="isShort">Whether it is one of those that others may wait for.</param>
    /// <param name="buffer">As long as the blocks of the piece.</param>
    internal void Start(in SourcePiece piece, BounceBuffers buffers, bool isShort, byte* buffer)
    {
        bool isUser = piece.Source.TryAddUser();
        Debug.Assert(isUser, "the caller is one, too");
        BlockRange range = piece.Range;
        _segmentCount = 0;
        _source = piece.Source;
        _wanted = range.Skip + piece.Bytes;
        _buffers = buffers;
        _isOfEntry = isShort;
        _seen = _ends.Count;
        Operation = IoOperation.Read;
        Offset = range.Offset;
        Length = range.Length;
        Buffer = buffer;
        Begin();

        // Claimed → 1. Releases the fields to users.
        Shared.Write(SharedWord.FileRead, ref _users, 1);
        piece.Source.File.Submit(this, _wanted);
    }

    /// <summary>Becomes a user, if it is in use. As long as the caller is one, it stays what it is.</summary>
    internal bool TryEnter()
    {
        int users = Shared.Read(SharedWord.FileRead, ref _users);
        while (users > 0)
        {
            // n → n + 1, n > 0: races with users that come and leave.
            int found = Shared.CompareExchange(SharedWord.FileRead, ref _users, users + 1, users);
            if (found == users)
            {
                return true;
            }

            users = found;
        }

        return false;
    }

    /// <summary>Whether it has these blocks, and has them of this segment. By a user.</summary>
    internal bool Has(SwapArea area, int segment, in BlockRange range) =>
        _area == area
        && range.Offset >= Offset
        && range.Offset + range.Length <= Offset + Length
        && ((ReadOnlySpan<int>)_segments)[.._segmentCount].Contains(segment);

    /// <summary>Whether it has these bytes of a file that arrays are mapped from. By a user.</summary>
    internal bool Has(SourceFile file, long offset, long bytes) =>
        _source?.File == file && offset >= Offset && offset + bytes <= Offset + _wanted;

    /// <summary>Waits for the device. By a user.</summary>
    /// <returns>Whether the bytes are there.</returns>
    internal bool Await()
    {
        // Not when it is complete, but when the device has let go of it, which is a moment later: the place may be used again at once.
        if (_ends.Count == _seen)
        {
            _ends.WaitBeyond(_seen);
        }

        return Error == 0;
    }

    /// <summary>n → n − 1, by a user; the last one: 1 → Claimed.</summary>
    /// <returns>Whether the caller was the last one, and takes it down.</returns>
    internal bool Leave()
    {
        int users = Shared.Read(SharedWord.FileRead, ref _users);
        while (true)
        {
            Debug.Assert(users > 0, "a user leaves once");
            int found = Shared.CompareExchange(SharedWord.FileRead, ref _users, users == 1 ? Claimed : users - 1, users);
            if (found == users)
            {
                return users == 1;
            }

            users = found;
        }
    }

    /// <summary>Gives back all that it has, but the pins on segments, and is free. By the last user, when the device is done.</summary>
    /// <param name="counters">Where bytes read are counted.</param>
    /// <param name="segments">Room for <see cref="MaxPieces"/>; receives those whose pins are to be given back.</param>
    /// <returns>How many these are.</returns>
    internal int TakeDown(Counters counters, Span<int> segments)
    {
        Debug.Assert(IsComplete, "the device is done with the buffer");
        if (_source is { } source)
        {
            counters.Add(Counter.BytesRead, Error == 0 ? Length : 0);
            _source = null;
            source.RemoveUser();
        }
        else if (Error == 0)
        {
            // One that failed is nobody's: those who load the pages read them by themselves, and that is counted.
            _area!.Note(new BlockRange(Offset, Length, 0), 0, counters);
        }

        if (_isOfEntry)
        {
            _buffers!.ReturnAhead(Buffer);
        }
        else
        {
            _buffers!.ReturnRun(Buffer, Length);
        }

        int count = _segmentCount;
        ((ReadOnlySpan<int>)_segments)[..count].CopyTo(segments);
        _buffers = null;
        _area = null;

        // Claimed → Free.
        Shared.Write(SharedWord.FileRead, ref _users, Free);
        return count;
    }

    protected override void OnReleased() => _ends.Signal();

    [InlineArray(MaxPieces)]
    private struct Segments
    {
        private int _first;
    }
}
