using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Appends entries to a log. Has at most one open segment, which it fills, and one spare. Used by one thread at a time.</summary>
/// <remarks>Once <see cref="TryPrepare"/> has returned true, one page of that length fits, whatever it encodes to. When the open segment
/// has no room for the raw page, the page is encoded into the spare one. Then either the entry is short enough to be copied to the tail of
/// the open one, or the spare one becomes the open one, with the entry already in place.</remarks>
internal sealed unsafe class LogWriter(SegmentLog log)
{
    private const int None = -1;
    private readonly SegmentLog _log = log;
    private int _borrowed;
    private int _open = None;
    private int _spare = None;

    /// <summary>The earliest place in the order of sealing that any entry of the open segment came from; <see cref="long.MaxValue"/> where
    /// that does not matter.</summary>
    private long _age = long.MaxValue;

    /// <summary>Bytes of the last page that was stored since the line was last looked at: the borrower's, or of one before. The
    /// borrower's.</summary>
    private int _length;

    /// <summary>Bytes of the pages for which it was borrowed and given back while threads stood in line, since it was last handed to one. The
    /// borrower's.</summary>
    private int _passedBy;

    /// <summary>Odd while the borrower takes or seals a segment, when what it has is not to be seen; and one further for each time that it has
    /// done so, shifted by one. Written by the borrower, read by threads that look for room.</summary>
    private int _moves;

    /// <summary>0 → 1. Races with other borrowers. Acquires the writes of the previous borrower.</summary>
    internal bool TryBorrow()
    {
        return Shared.Read(SharedWord.Writer, ref _borrowed) == 0 && Interlocked.CompareExchange(ref _borrowed, 1, 0) == 0;
    }

    /// <summary>1 → 0, by the borrower; or the first in line is the borrower from now on, when its turn has come.</summary>
    internal void GiveBack()
    {
        // One load while nobody waits.
        if (_log.Line.IsEmpty || !TryHandOver())
        {
            Shared.Write(SharedWord.Writer, ref _borrowed, 0);
        }
    }

    /// <summary>Makes sure that the entry of a page of this length fits, in case it does not shrink, by taking a free segment if need
    /// be.</summary>
    internal bool TryPrepare(int pageLength, StoreLevel level)
    {
        int worst = EntryHeader.UnitsFor(pageLength) << Location.UnitShift;
        if (_spare >= 0 || Room >= worst)
        {
            return true;
        }

        return TryTake(level, isStore: true);
    }

    /// <summary>Seals the open segment if anything in it is dead, so that it can be emptied. For a borrower that found no other
    /// remedy.</summary>
    internal bool TrySealDead()
    {
        if (_open < 0 || _log.Table[_open]->Used <= Volatile.Read(ref _log.Table[_open]->Live) << Location.UnitShift)
        {
            return false;
        }

        SealOpen();
        return true;
    }

    /// <summary>Encodes a page behind the last entry. Needs <see cref="TryPrepare"/>. If the page changes meanwhile, the entry's contents
    /// mean nothing.</summary>
    /// <returns>The entry's location. It is credited to its segment already.</returns>
    internal Location Append(ulong id, byte* page, int length, CompressionPolicy policy, out int encodedLength, out StoredForm form)
    {
        int worst = EntryHeader.UnitsFor(length) << Location.UnitShift;
        _length = length;
        EntryHeader* header = (EntryHeader*)Compose(worst);
        byte* body = (byte*)(header + 1);

        encodedLength = policy.Encode(page, length, body, out form);
        header->Write(id, encodedLength, length, form);

        return Place((byte*)header, EntrySize.Stored(header->Units, encodedLength, length, form.Codec == Codec.Raw));
    }

    /// <summary>The address at which the caller may compose an entry of at most so many units. Needs <see cref="TryPrepareCopy"/>; followed
    /// by <see cref="AppendComposed"/> or by nothing.</summary>
    internal byte* ComposeUnits(int units) => Compose(units << Location.UnitShift);

    /// <summary>Appends the entry that the caller has composed.</summary>
    /// <param name="entry">The address that <see cref="ComposeUnits"/> returned.</param>
    /// <param name="size">The entry's size.</param>
    /// <param name="age">The place in the order of sealing of the segment that the entry comes from.</param>
    /// <returns>The entry's location. It is credited to its segment already.</returns>
    internal Location AppendComposed(byte* entry, EntrySize size, long age)
    {
        Location location = Place(entry, size);
        _age = Math.Min(_age, age);
        return location;
    }

    /// <summary>Copies an entry that is already encoded. Needs <see cref="TryPrepareCopy"/>.</summary>
    internal Location AppendCopy(byte* entry, EntrySize size)
    {
        if (Room < size.Bytes)
        {
            UseSpare();
        }

        Unsafe.CopyBlockUnaligned(Tail, entry, (uint)size.Bytes);
        return Advance(_open, size);
    }

    /// <summary>Makes sure that an entry of this length fits, by taking a free segment if need be.</summary>
    /// <param name="units">The entry's length in units.</param>
    /// <param name="level">How much of what is held back the copy may use.</param>
    internal bool TryPrepareCopy(int units, StoreLevel level)
    {
        if (_spare >= 0 || Room >= units << Location.UnitShift)
        {
            return true;
        }

        return TryTake(level, isStore: false);
    }

    /// <summary>Gives an empty spare segment back. For a borrower that is not about to append. False when there is none.</summary>
    internal bool DropSpare()
    {
        if (_spare < 0)
        {
            return false;
        }

        int spare = _spare;
        BeginMove();
        try
        {
            _spare = None;
            _log.Seal(spare);
        }
        finally
        {
            EndMove(hasMoved: true);
        }

        return true;
    }

    /// <summary>Seals the open segment if emptying it yields anything: much of it is dead, or its live entries fit into the room
    /// elsewhere.</summary>
    /// <param name="roomElsewhere">Bytes of room in the segment that the entries would be moved to.</param>
    /// <returns>The segment's number; −1 when it was not sealed. The segment may be free by now, if nothing lived in it.</returns>
    internal int SealIfWorthwhile(int roomElsewhere)
    {
        if (_open < 0)
        {
            return None;
        }

        int open = _open;
        if (!IsWorthwhile(open, roomElsewhere))
        {
            return None;
        }

        SealOpen();
        return open;
    }

    /// <summary>Seals the open segment, if there is one.</summary>
    internal void Seal()
    {
        if (_open >= 0)
        {
            SealOpen();
        }
    }

    /// <summary>Gives the open segment back if nothing in it is alive any more. The spare one becomes the open one.</summary>
    internal void SealIfEmpty()
    {
        if (_open >= 0 && Volatile.Read(ref _log.Table[_open]->Live) == 0)
        {
            SealOpen();
            OpenSpare();
        }
    }

    /// <summary>The segment that is being filled; −1 for none.</summary>
    internal int OpenSegment => _open;

    /// <summary>Whether the last attempt to get a segment failed for want of a number, and not of a chunk. The borrower's.</summary>
    internal bool LacksNumber { get; private set; }

    /// <summary>Bytes left in the open segment. A hint, unless the caller has the writer.</summary>
    internal int Room
    {
        get
        {
            int open = Volatile.Read(ref _open);
            return open < 0 ? 0 : _log.SegmentBytes - Volatile.Read(ref _log.Table[open]->Used);
        }
    }

    /// <summary>Whether a thread has the writer.</summary>
    internal bool IsBorrowed => Shared.Read(SharedWord.Writer, ref _borrowed) != 0;

    /// <summary>Whether there is room for a page of this length. A hint, unless the caller has the writer.</summary>
    internal bool HasRoomFor(int pageLength)
    {
        // In this order: the borrower that opens the spare one says that first, and then that it has none.
        return Volatile.Read(ref _spare) >= 0 || Room >= EntryHeader.UnitsFor(pageLength) << Location.UnitShift;
    }

    /// <summary>Whether sealing and emptying its open segment would yield anything. A hint, unless the caller has the writer.</summary>
    /// <param name="roomElsewhere">As for <see cref="SealIfWorthwhile"/>.</param>
    internal bool IsWorthSealing(int roomElsewhere)
    {
        int open = Volatile.Read(ref _open);
        return open >= 0 && IsWorthwhile(open, roomElsewhere);
    }

    /// <summary>Whether the borrower is taking or sealing a segment. What was read of the writer before this may be missing what it
    /// moves.</summary>
    internal bool IsMoving => (Shared.Read(SharedWord.Writer, ref _moves) & 1) != 0;

    /// <summary>Changes with each segment that has been taken or sealed.</summary>
    internal int Moves => Volatile.Read(ref _moves) >> 1;

    /// <summary>Hands the writer to the first in line, if its turn has come.</summary>
    private bool TryHandOver()
    {
        _passedBy += Math.Max(_length, WriterLine.LeastBytes);
        _length = 0;
        if (_passedBy < _log.Line.TurnBytes)
        {
            return false;
        }

        // Set before another thread has the writer. Where the place of the first is still taken, the next to give it back tries again.
        int passedBy = _passedBy;
        _passedBy = 0;
        if (_log.IsInUse(this) && _log.Line.TryHandOver(this))
        {
            return true;
        }

        _passedBy = Math.Min(passedBy, _log.Line.TurnBytes);
        return false;
    }

    private bool TryTake(StoreLevel level, bool isStore)
    {
        bool hasTaken = false;
        BeginMove();
        try
        {
            hasTaken = Use(_log.TryTake(level, isStore));
            return hasTaken;
        }
        finally
        {
            EndMove(hasTaken);
        }
    }

    private bool Use(int segment)
    {
        LacksNumber = segment == SegmentLog.NoNumber;
        if (segment >= 0)
        {
            if (_open < 0)
            {
                _open = segment;
            }
            else
            {
                _spare = segment;
            }
        }

        return segment >= 0;
    }

    private void SealOpen()
    {
        // First, so that no exception leaves a writer with a segment that it has let go.
        (int open, long age) = (_open, _age);
        BeginMove();
        try
        {
            (_open, _age) = (None, long.MaxValue);
            _log.Seal(open, age);
        }
        finally
        {
            EndMove(hasMoved: true);
        }
    }

    /// <summary>Before a segment leaves the writer for the order in which it is found, or comes to it from the free ones.</summary>
    private void BeginMove()
    {
        Volatile.Write(ref _moves, _moves + 1);

        // Pairs with SegmentLog.LookAtWriters: who finds the writer without the segment sees this, or the end of it.
        Interlocked.MemoryBarrier();
    }

    /// <summary>Behind it.</summary>
    private void EndMove(bool hasMoved) => Volatile.Write(ref _moves, hasMoved ? _moves + 1 : _moves - 1);

    private bool IsWorthwhile(int open, int roomElsewhere)
    {
        Segment* segment = _log.Table[open];
        int live = Volatile.Read(ref segment->Live) << Location.UnitShift;
        return Volatile.Read(ref segment->Used) - live >= _log.SegmentBytes >> 5 || live <= roomElsewhere;
    }

    private byte* Compose(int bytes) => Room >= bytes ? Tail : _log.Table[_spare]->Address;

    /// <summary>Makes the entry that stands in the tail or in the spare segment the last one.</summary>
    private Location Place(byte* entry, EntrySize size)
    {
        if (Room < size.Bytes)
        {
            UseSpare();
        }
        else if (entry != Tail)
        {
            Unsafe.CopyBlockUnaligned(Tail, entry, (uint)size.Bytes);
        }

        return Advance(_open, size);
    }

    private byte* Tail => _log.Table[_open]->Address + _log.Table[_open]->Used;

    private void UseSpare()
    {
        Debug.Assert(_spare >= 0, "prepared for");
        SealOpen();
        OpenSpare();
    }

    private void OpenSpare()
    {
        // In the order in which HasRoomFor does not read them.
        Volatile.Write(ref _open, _spare);
        Volatile.Write(ref _spare, None);
    }

    private Location Advance(int segment, EntrySize size)
    {
        Debug.Assert(segment == _open);
        Segment* entry = _log.Table[segment];
        Location location = Location.InSegment(segment, entry->Used, size.Units);
        entry->Used += size.Bytes;
        Accounts.Credit(entry, size);
        _log.Cold.NoteStored();

        return location;
    }
}
