using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>The hit path: what an array or matrix needs to reach a resident page without a call.</summary>
/// <remarks>
/// Hit: load the page's word, test it, CAS a pin in, look at the limit again; one interlocked addition takes the pin out. A read by value
/// takes no pin: it copies the element between two looks at the word. Frames are never unmapped under a reader: what
/// it copied from a frame that was taken away is thrown away, and is no fault. Everything else is <see cref="PagedRegion"/>'s.
/// A caller that uses the pointers keeps the region alive until after the last use.
/// </remarks>
internal unsafe partial struct PageAccessor(PagedRegion region, long limit, int pageShift)
{
    private const int LimitShift = 8;

    internal readonly PagedRegion Region = region;
    private readonly ulong* _words = region.Words;
    private readonly byte* _frames = region.Frames.Base;
    private readonly long _items = limit;

    /// <summary>Items that may be accessed: all while open, none otherwise. Below that stands the logarithm of the items in a page. Set by
    /// the closer of the region; read by all threads.</summary>
    private ulong _bound = ((ulong)limit << LimitShift) | (uint)pageShift;

    /// <summary>The limit and the page shift in one word, for a hit that loads neither twice: see
    /// <see cref="IsWithin(long, ulong)"/>.</summary>
    internal readonly ulong Bound => _bound;

    /// <summary>Checks an index. Waits while the region may be about to close.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly void CheckIndex(long index)
    {
        if (!IsWithin(index))
        {
            CheckIndexSlow(index);
        }
    }

    /// <summary>As <see cref="CheckIndex"/>, without waiting.</summary>
    /// <returns>False while the region may be about to close.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool TryCheckIndex(long index) => IsWithin(index) || TryCheckIndexSlow(index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool IsWithin(long index) => IsWithin(index, _bound);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsWithin(long index, ulong bound) => (ulong)index < bound >> LimitShift;

    /// <summary>Page and item in the page, where the items of a page are a power of two.</summary>
    /// <remarks>Both instructions look at the low bits of the count only, so that the bound need not be masked.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (long Page, long Item) Split(long index, ulong bound) => Bmi2.X64.IsSupported
        ? (index >>> (int)bound, (long)Bmi2.X64.ZeroHighBits((ulong)index, bound))
        : (index >>> (int)bound, index & ~(-1L << (int)bound));

    /// <summary>Checks that a range of elements lies within the array.</summary>
    internal readonly void CheckRange(long start, long count)
    {
        Region.AwaitOpen();
        if (start < 0 || count < 0 || count > _items - start)
        {
            ThrowHelper.ThrowRange(start, count, _items);
        }
    }

    internal void SetOpen(bool open)
    {
        TestHook.Reach(SharedWord.ArrayState);
        Volatile.Write(ref _bound, (open ? (ulong)_items << LimitShift : 0) | (byte)_bound);
    }

    /// <summary>Reads a value from a resident page, if nothing happens to the page meanwhile and it has been read lately.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryRead<T>(ulong* words, byte* frames, long page, long offset, out T value)
        where T : unmanaged
    {
        ulong* word = words + page;
        ulong seen = PageWord.Load(word);

        // A page that looks cold goes the slow path, where it gets its reference bit, or the hottest pages would be evicted first (rule 3).
        if (PageWord.IsHot(seen))
        {
            TestHook.Reach(SharedWord.PageData);
            value = Unsafe.ReadUnaligned<T>(frames + PageWord.Offset(seen) + offset);
            if (PageWord.IsUnchanged(word, seen))
            {
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Reads a value, optimistically once more, then with a pin.</summary>
    internal readonly T Read<T>(long page, long offset)
        where T : unmanaged
    {
        ulong* word = _words + page;
        ulong seen = PageWord.Load(word);
        if (!PageWord.IsResident(seen))
        {
            // In a node, perhaps.
            word = Region.Find(page);
            seen = PageWord.Load(word);
        }

        // Whether it is this page's is asked after the load of the word: if the word is unchanged in the end, it was so all the time.
        if (PageWord.IsResident(seen) && Region.IsOf(page, word))
        {
            TestHook.Reach(SharedWord.PageData);
            T second = Unsafe.ReadUnaligned<T>(_frames + PageWord.Offset(seen) + offset);
            if (PageWord.IsSamePage(word, seen))
            {
                if ((seen & PageWord.Referenced) == 0)
                {
                    PageWord.Reference(word, seen);
                }

                return second;
            }
        }

        if (Region.IsZeroes(page, word))
        {
            return default;
        }

        T value = Unsafe.ReadUnaligned<T>(Region.Pin(page, write: false, out word) + offset);
        PageWord.Unpin(word);
        return value;
    }

    /// <summary>Whether a page is in a frame. A hint: false of one whose word is in a node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool IsResident(long page) => PageWord.IsResident(PageWord.Load(_words + page));

    /// <summary>Pins a page; the caller owes an <see cref="PageWord.Unpin"/> of <paramref name="word"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly byte* Pin(long page, bool write, out ulong* word)
    {
        word = _words + page;
        byte* data = TryPin(word, PageWord.Resident | (write ? PageWord.Dirty : 0));
        return data != null ? data : Region.Pin(page, write, out word);
    }

    /// <summary>Pins a page for a lease; the caller owes a <see cref="PageWord.UnpinLease"/> of <paramref name="word"/>. Leases on pages
    /// that are not watched are counted, which the slow path does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly byte* PinForLease(long page, bool write, out ulong* word)
    {
        word = _words + page;
        byte* data = TryPin(word, PageWord.Resident | PageWord.Watched | (write ? PageWord.Dirty : 0));
        return data != null ? data : Region.PinForLease(page, write, out word);
    }

    /// <summary>As <see cref="PinForLease"/>, for reading, if the page is in a frame.</summary>
    /// <returns>The page's data, pinned; null when it is not in a frame, and is brought in by another thread now.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly byte* TryPinForLease(long page, out ulong* word)
    {
        word = _words + page;
        byte* data = TryPin(word, PageWord.Resident | PageWord.Watched);
        return data != null ? data : Region.TryPinForLease(page, out word);
    }

    /// <returns>The page's data, pinned; null when its word has not all that is <paramref name="wanted"/>, or has just changed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly byte* TryPin(ulong* word, ulong wanted)
    {
        ulong seen = PageWord.Load(word);
        if ((seen & wanted) == wanted
            && PageWord.Pins(seen) < PageWord.MaxPins - 1
            && PageWord.TryPin(word, seen, PageWord.Referenced))
        {
            // Rule 4: the closer of the region sets the limit to zero, passes a fence that works against this CAS, and looks for pins.
            TestHook.Reach(SharedWord.ArrayState);
            if (SeesOpen)
            {
                return _frames + PageWord.Offset(seen);
            }

            PageWord.Unpin(word);
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly bool TryCheckIndexSlow(long index)
    {
        bool isOpen = Region.IsOpenNow();
        if ((ulong)index >= (ulong)_items)
        {
            ThrowHelper.ThrowIndex(index, _items);
        }

        return isOpen;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly void CheckIndexSlow(long index)
    {
        // A limit of zero says closing or closed; the former may yet be called off.
        Region.AwaitOpen();
        if ((ulong)index >= (ulong)_items)
        {
            ThrowHelper.ThrowIndex(index, _items);
        }
    }
}
