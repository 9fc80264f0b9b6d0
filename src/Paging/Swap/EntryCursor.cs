namespace Paging.Swap;

/// <summary>Walks the entries of a segment from one header to the next, in its own memory or in the buffer that it was read to.</summary>
/// <remarks>The caller makes sure that the bytes stay: by a claim on the segment, or because it has it open. No header is trusted before it
/// has been found plausible.</remarks>
internal unsafe ref struct EntryCursor
{
    private readonly DescriptorTable _descriptors;
    private readonly byte* _bytes;
    private readonly int _segment;
    private readonly int _used;
    private readonly int _maxPage;

    /// <param name="descriptors">The table that says where pages are.</param>
    /// <param name="segment">The segment's number.</param>
    /// <param name="bytes">The segment's contents.</param>
    /// <param name="used">Their length in bytes.</param>
    /// <param name="maxPage">The longest page, in bytes, that the segment may hold.</param>
    /// <param name="from">The offset of the first entry to look at.</param>
    internal EntryCursor(DescriptorTable descriptors, int segment, byte* bytes, int used, int maxPage, int from)
    {
        _descriptors = descriptors;
        _segment = segment;
        _bytes = bytes;
        _used = used;
        _maxPage = maxPage;
        Next = from;
    }

    internal EntryHeader* Header { get; private set; }

    /// <summary>The entry's offset in the segment, in bytes.</summary>
    internal int Offset { get; private set; }

    /// <summary>The offset of the next entry.</summary>
    internal int Next { get; private set; }

    /// <summary>Whether the chain of headers is broken. The entries behind this one are then found only from their descriptors.</summary>
    internal bool IsBroken { get; private set; }

    /// <summary>Goes to the next entry. False behind the last one, or where the chain of headers is broken.</summary>
    internal bool MoveNext()
    {
        Offset = Next;
        if (Next >= _used)
        {
            return false;
        }

        Header = (EntryHeader*)(_bytes + Next);
        IsBroken = !IsPlausible(Header, _used - Next);
        Next += IsBroken ? 0 : Header->Units << Location.UnitShift;
        return !IsBroken;
    }

    /// <summary>The location of the entry's page if the descriptor still points to this entry; none if the page has moved or
    /// gone.</summary>
    internal readonly Location Locate()
    {
        Location location = _descriptors.Locate((uint)Header->Id);
        return location.IsAt(_segment, Offset, Header->Units) ? location : default;
    }

    private readonly bool IsPlausible(EntryHeader* header, int left) =>
        header->EncodedLength > 0
        && header->EncodedLength <= _maxPage
        && header->Units << Location.UnitShift <= left
        && _descriptors.IsIndex((uint)header->Id);
}
