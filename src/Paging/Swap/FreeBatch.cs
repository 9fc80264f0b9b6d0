using System.Diagnostics;
using Paging.Codecs;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Frees many pages in a row: what their segments, the sums and the free list owe is gathered, and paid once for a run of pages in the same
/// segment. Pages that were evicted one after another lie so.</summary>
/// <remarks>
/// For each page the life word goes by CAS and the location by exchange, as in <see cref="SwapStore.TryFree"/>: what is debited is what the
/// exchange returned (rule 6). The segment of a run is pinned from its first page to the debit, so that it cannot change sides meanwhile (rule 5); until then it looks
/// fuller than it is, and nobody takes it for empty. Whoever holds a batch settles it before waiting for anything, and at the end.
/// </remarks>
internal ref struct FreeBatch(SwapStore store)
{
    /// <summary>Pages freed between two settlements at most: so long may a cleaner see entries that nobody names.</summary>
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

    /// <summary>Asks the processor for the descriptor of a page that is about to be freed.</summary>
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

        // Only now: the next page's thread writes the details.
        descriptors.Link(index, ref _first, ref _last);
        if (++_pages == MaxPages)
        {
            Settle();
        }
    }

    /// <summary>Pays what is owed. Nothing is held afterwards.</summary>
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
            // The entry, counted in still, keeps it from being empty.
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
