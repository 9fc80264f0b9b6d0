using System.Diagnostics;
using Paging.Codecs;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Frees many pages in a row. The changes to their segments, the sums and the free list are gathered, and made once for a run of
/// pages in the same segment. Pages that were evicted one after another lie in such runs.</summary>
/// <remarks>
/// For each page the life word is changed by CAS and the location taken by exchange, as in <see cref="SwapStore.TryFree"/>: the location
/// that the exchange returned is debited (rule 6). The segment of a run is pinned from its first page to the debit, so that it cannot move
/// between memory and file meanwhile (rule 5). Until then it looks fuller than it is, so no thread takes it for empty. A thread that holds
/// a batch settles it before it waits for anything, and at the end.
/// </remarks>
internal ref struct FreeBatch(SwapStore store)
{
    /// <summary>Pages freed between two settlements, at most. For so many pages a cleaner may see entries that no descriptor points
    /// to.</summary>
    internal const int MaxPages = 64;

    private const int None = -1;

    private readonly SwapStore _store = store;
    private int _segment = None;
    private bool _onFile;
    private EntrySize _size;
    private int _sameFilled;
    private uint _first;
    private uint _last;
    private int _pages;

    /// <summary>Prefetches the descriptor of a page that is about to be freed.</summary>
    internal readonly void Prefetch(uint index) => _store.Descriptors.Prefetch(index);

    /// <summary>Drops the reference that a page table or a frame record holds.</summary>
    internal void Free(uint index)
    {
        DescriptorTable descriptors = _store.Descriptors;
        bool freed = descriptors.TryRelease(descriptors.Id(index), out bool last);
        Debug.Assert(freed, "a page holds a reference to its stored copy");
        if (!last)
        {
            return;
        }

        Location location = descriptors.TakeLocation(index);
        switch (location.Where)
        {
            case Location.Kind.Pattern:
                _sameFilled++;
                break;

            case Location.Kind.Segment:
                Gather(location.Segment, descriptors.SizeAt(index, location));
                break;
        }

        // Last, since the next taker of the descriptor writes its details.
        descriptors.Link(index, ref _first, ref _last);
        if (++_pages == MaxPages)
        {
            Settle();
        }
    }

    /// <summary>Makes the changes that were gathered. Nothing is held afterwards.</summary>
    internal void Settle()
    {
        SettleSegment();
        if (_first != 0)
        {
            _store.Descriptors.Recycle(_first, _last);
            (_first, _last, _pages) = (0, 0, 0);
        }

        if (_sameFilled != 0)
        {
            _store.Segments.Accounts.FreedPatterns(_sameFilled);
            _sameFilled = 0;
        }
    }

    private void Gather(int segment, in EntrySize size)
    {
        if (segment != _segment)
        {
            SettleSegment();
            // The entry is still counted in, so the segment is not empty.
            _onFile = _store.Segments.Pin(segment);
            _segment = segment;
        }

        _size += size;
    }

    private void SettleSegment()
    {
        if (_segment != None)
        {
            _store.Segments.DropPinned(_segment, _size, _onFile);
            (_segment, _size) = (None, default);
        }
    }
}
