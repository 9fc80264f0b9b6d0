using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Diagnostics;

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

    internal SegmentLog Log => _log;

    /// <summary>0 → 1: races with other borrowers. Acquires what the previous borrower left.</summary>
    internal bool TryBorrow()
    {
        TestHook.Reach(SharedWord.Writer);
        return Volatile.Read(ref _borrowed) == 0 && Interlocked.CompareExchange(ref _borrowed, 1, 0) == 0;
    }

    internal void GiveBack()
    {
        TestHook.Reach(SharedWord.Writer);
        Volatile.Write(ref _borrowed, 0);
    }

    /// <summary>Makes room for an entry of a page of this length, should it not shrink.</summary>
    internal bool TryPrepare(int pageLength, StoreLevel level)
    {
        int worst = EntryHeader.UnitsFor(pageLength) << Location.UnitShift;
        if (_spare >= 0 || Room >= worst)
        {
            return true;
        }

        int segment = _log.TakeOrClean(level);
        if (segment < 0)
        {
            return false;
        }

        if (_open < 0)
        {
            _open = segment;
        }
        else
        {
            _spare = segment;
        }

        return true;
    }

    /// <summary>Encodes a page behind the last entry. Prepared for; the page must not change meanwhile for its contents to mean anything.</summary>
    /// <returns>Where the entry is. It is credited to its segment already.</returns>
    internal Location Append(ulong id, byte* page, int length, out int encodedLength, out PageEncoding encoding)
    {
        int worst = EntryHeader.UnitsFor(length) << Location.UnitShift;
        bool direct = Room >= worst;
        int target = direct ? _open : _spare;
        byte* entry = direct ? Tail : _log.Table[_spare]->Address;
        byte* body = entry + EntryHeader.Size;

        encoding = PageEncoding.Lz4;
        encodedLength = PageCodec.TryEncode(page, length, body, PageCodec.MaxEncoded(length));
        if (encodedLength < 0)
        {
            encoding = PageEncoding.Raw;
            encodedLength = length;
            Unsafe.CopyBlockUnaligned(body, page, (uint)length);
        }

        EntryHeader* header = (EntryHeader*)entry;
        header->Id = id;
        header->EncodedLengthAndEncoding = EntryHeader.Pack(encodedLength, encoding);
        header->PageLength = (uint)length;
        header->Checksum = PageCodec.Checksum(
            new ReadOnlySpan<byte>(body, encodedLength), id, header->EncodedLengthAndEncoding, (uint)length);

        int units = header->Units;
        if (!direct)
        {
            if (Room >= units << Location.UnitShift)
            {
                Unsafe.CopyBlockUnaligned(Tail, entry, (uint)(units << Location.UnitShift));
                target = _open;
            }
            else
            {
                UseSpare();
            }
        }

        return Advance(target, units);
    }

    /// <summary>Copies an entry that is already encoded: the cleaner's. Prepared for by <see cref="TryPrepareCopy"/>.</summary>
    internal Location AppendCopy(byte* entry, int units)
    {
        if (Room < units << Location.UnitShift)
        {
            UseSpare();
        }

        Unsafe.CopyBlockUnaligned(Tail, entry, (uint)(units << Location.UnitShift));
        return Advance(_open, units);
    }

    internal bool TryPrepareCopy(int units)
    {
        if (_spare >= 0 || Room >= units << Location.UnitShift)
        {
            return true;
        }

        int segment = _log.TryTake(StoreLevel.Cleaner);
        if (segment < 0)
        {
            return false;
        }

        if (_open < 0)
        {
            _open = segment;
        }
        else
        {
            _spare = segment;
        }

        return true;
    }

    /// <summary>Seals what is open, so that the cleaner can get at what is dead in it. For a borrower that is not about to append.</summary>
    /// <returns>False when there was nothing to seal.</returns>
    internal bool SealIdle()
    {
        bool any = _open >= 0 || _spare >= 0;
        if (_open >= 0)
        {
            _log.Seal(_open);
        }

        if (_spare >= 0)
        {
            _log.Seal(_spare);
        }

        _open = None;
        _spare = None;
        return any;
    }

    private int Room => _open < 0 ? 0 : _log.SegmentBytes - _log.Table[_open]->Used;

    private byte* Tail => _log.Table[_open]->Address + _log.Table[_open]->Used;

    private void UseSpare()
    {
        Debug.Assert(_spare >= 0, "prepared for");
        _log.Seal(_open);
        _open = _spare;
        _spare = None;
    }

    private Location Advance(int segment, int units)
    {
        Debug.Assert(segment == _open);
        Segment* entry = _log.Table[segment];
        Location location = Location.InSegment(segment, entry->Used, units);
        entry->Used += units << Location.UnitShift;
        _log.Table.Credit(segment, units);
        return location;
    }
}
