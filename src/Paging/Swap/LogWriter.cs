using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>An appender: at most one segment that it fills and one in reserve. Used by one thread at a time.</summary>
/// <remarks>Once <see cref="TryPrepare"/> has said yes, one page of that length fits whatever it encodes to. When the open segment
/// has no room for the raw page, the page is encoded into the spare one: either it turns out short enough to be copied to the tail,
/// or the spare one becomes the open one with the page already in place.</remarks>
internal sealed unsafe class LogWriter(SegmentLog log)
{
    private const int None = -1;
    private readonly SegmentLog _log = log;
    private int _borrowed;
    private int _open = None;
    private int _spare = None;

    /// <summary>The earliest place in the order of segments that an entry of the open one came from; none where that does not matter.</summary>
    private long _age = long.MaxValue;

    internal SegmentLog Log => _log;

    /// <summary>0 → 1: races with other borrowers. Acquires what the previous borrower left.</summary>
    internal bool TryBorrow()
    {
        return Shared.Read(SharedWord.Writer, ref _borrowed) == 0 && Interlocked.CompareExchange(ref _borrowed, 1, 0) == 0;
    }

    internal void GiveBack()
    {
        Shared.Write(SharedWord.Writer, ref _borrowed, 0);
    }

    /// <summary>Sees to it that an entry of a page of this length fits, should it not shrink: with a free segment, if need be.</summary>
    internal bool TryPrepare(int pageLength, StoreLevel level)
    {
        int worst = EntryHeader.UnitsFor(pageLength) << Location.UnitShift;
        if (_spare >= 0 || Room >= worst)
        {
            return true;
        }

        return Use(_log.TryTake(level));
    }

    /// <summary>Seals the open segment if anything in it is dead, so that it can be cleaned. For a borrower that found no other.</summary>
    internal bool TrySealDead()
    {
        if (_open < 0 || _log.Table[_open]->Used <= Volatile.Read(ref _log.Table[_open]->Live) << Location.UnitShift)
        {
            return false;
        }

        SealOpen();
        return true;
    }

    /// <summary>Encodes a page behind the last entry. Prepared for; the page must not change meanwhile for its contents to mean anything.</summary>
    /// <returns>Where the entry is. It is credited to its segment already.</returns>
    internal Location Append(ulong id, byte* page, int length, CompressionPolicy policy, out int encodedLength, out StoredForm form)
    {
        int worst = EntryHeader.UnitsFor(length) << Location.UnitShift;
        EntryHeader* header = (EntryHeader*)Compose(worst);
        byte* body = (byte*)(header + 1);

        encodedLength = policy.Encode(page, length, body, out form);
        header->Write(id, encodedLength, length, form);

        return Place((byte*)header, EntrySize.Stored(header->Units, encodedLength, length, form.Codec == Codec.Raw));
    }

    /// <summary>Where an entry may be put together that takes so many units at most. Prepared for by <see cref="TryPrepareCopy"/>, and followed
    /// by <see cref="AppendComposed"/> or by nothing.</summary>
    internal byte* ComposeUnits(int units) => Compose(units << Location.UnitShift);

    /// <summary>Appends the entry that was put together.</summary>
    /// <param name="entry">Where <see cref="ComposeUnits"/> said.</param>
    /// <param name="size">Of the entry.</param>
    /// <param name="age">The place of the segment that it comes from in the order of segments.</param>
    /// <returns>Where the entry is. It is credited to its segment already.</returns>
    internal Location AppendComposed(byte* entry, EntrySize size, long age)
    {
        Location location = Place(entry, size);
        _age = Math.Min(_age, age);
        return location;
    }

    /// <summary>Copies an entry that is already encoded: the cleaner's. Prepared for by <see cref="TryPrepareCopy"/>.</summary>
    internal Location AppendCopy(byte* entry, EntrySize size)
    {
        if (Room < size.Bytes)
        {
            UseSpare();
        }

        Unsafe.CopyBlockUnaligned(Tail, entry, (uint)size.Bytes);
        return Advance(_open, size);
    }

    /// <param name="units">Of the entry.</param>
    /// <param name="level">How deep into what is held back the copy may go.</param>
    internal bool TryPrepareCopy(int units, StoreLevel level)
    {
        if (_spare >= 0 || Room >= units << Location.UnitShift)
        {
            return true;
        }

        return Use(_log.TryTake(level));
    }

    /// <summary>Gives an empty reserve segment back. For a borrower that is not about to append.</summary>
    internal bool DropSpare()
    {
        if (_spare < 0)
        {
            return false;
        }

        _log.Seal(_spare);
        _spare = None;
        return true;
    }

    /// <summary>Seals the open segment if emptying it yields anything: much of it is dead, or what lives fits in room that is elsewhere.</summary>
    /// <returns>The segment, or −1. It may be free by now, if nothing lived in it.</returns>
    internal int SealIfWorthwhile(int roomElsewhere)
    {
        if (_open < 0)
        {
            return None;
        }

        Segment* segment = _log.Table[_open];
        int live = Volatile.Read(ref segment->Live) << Location.UnitShift;
        if (segment->Used - live < _log.SegmentBytes >> 5 && live > roomElsewhere)
        {
            return None;
        }

        int open = _open;
        SealOpen();
        return open;
    }

    /// <summary>Gives the open segment back if nothing lives in it any more.</summary>
    internal void SealIfEmpty()
    {
        if (_open >= 0 && Volatile.Read(ref _log.Table[_open]->Live) == 0)
        {
            SealOpen();
            (_open, _spare) = (_spare, None);
        }
    }

    /// <summary>The segment that is being filled; −1 for none.</summary>
    internal int OpenSegment => _open;

    /// <summary>Bytes left in the open segment.</summary>
    internal int Room => _open < 0 ? 0 : _log.SegmentBytes - _log.Table[_open]->Used;

    private bool Use(int segment)
    {
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
        // Nobody else looks at the field, so that it may say "open" a moment longer.
        _log.Seal(_open, _age);
        _open = None;
        _age = long.MaxValue;
    }

    private byte* Compose(int bytes) => Room >= bytes ? Tail : _log.Table[_spare]->Address;

    /// <summary>Makes what stands in the tail or in the spare segment the last entry.</summary>
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
        _open = _spare;
        _spare = None;
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
