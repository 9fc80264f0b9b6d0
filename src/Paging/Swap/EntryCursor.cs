namespace Paging.Swap;

/// <summary>Walks the entries of a segment from one header to the next, wherever its bytes are: in its own memory, or where they were read to.</summary>
/// <remarks>The caller keeps the bytes: by a claim on the segment, or because it has it open. No header is trusted before it has been found plausible.</remarks>
internal unsafe ref struct EntryCursor
{
    private readonly DescriptorTable _descriptors;
    private readonly byte* _bytes;
    private readonly int _segment;
    private readonly int _used;
    private readonly int _maxPage;

    /// <param name="descriptors">Where the pages are.</param>
    /// <param name="segment">The segment's number.</param>
    /// <param name="bytes">Its contents.</param>
    /// <param name="used">How long they are.</param>
    /// <param name="maxPage">The longest page that it may hold.</param>
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

    /// <summary>Where the entry is in the segment.</summary>
    internal int Offset { get; private set; }

    /// <summary>Where the one behind it is.</summary>
    internal int Next { get; private set; }

    /// <summary>The entries behind the last one cannot be found from here. Their descriptors find them.</summary>
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

    /// <summary>The location of the entry's page if that is where the entry is; none if the page has moved or gone.</summary>
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
