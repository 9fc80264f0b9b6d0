using System.Runtime.InteropServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A pin on a page that belongs to an object and to no thread: any thread may give it back, or pass it on to those that use it in
/// turn, each counted. The page is given back when the object has let go and the last of them has ended.</summary>
/// <remarks>
/// A field of its owner, never copied. The array is kept from its finalizer until then, so that the owner's finalizer, if it comes to that,
/// finds the page and its pager. <see cref="_state"/> counts the uses and says whether the owner has let go; both by CAS, by any thread.
/// </remarks>
internal unsafe partial struct PagePin
{
    private const int LetGo = 1 << 30;
    private const int MaxUses = LetGo - 1;

    private PagedRegion? _region;
    private GCHandle _root;
    private ulong* _word;
    private bool _isCounted;
    private int _state;

    /// <summary>Whether the owner has let go: nobody may begin to use the page.</summary>
    internal readonly bool IsLetGo => (Volatile.Read(in _state) & LetGo) != 0;

    /// <summary>Pins a page. Once, before any other thread knows the owner.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="write">Whether the page will be dirty.</param>
    /// <param name="manner">What may be waited for.</param>
    /// <returns>The page's address; null when there would be a device to wait for, and the manner says not to.</returns>
    internal byte* Take(PagedRegion region, long index, bool write, FaultManner manner)
    {
        TestHook.MayFail(FailurePoint.Allocation);
        _root = GCHandle.Alloc(region);
        byte* address = null;
        try
        {
            address = region.PinForOwner(index, write, manner, out _word, out _isCounted);
            return address;
        }
        finally
        {
            SetRegion(address == null ? null : region);
        }
    }

    /// <summary>As the other one, for one of several pages that are read.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="isFirst">Whether the access has no page pinned yet.</param>
    /// <param name="access">The access.</param>
    /// <returns>The page's address; null when no frame is to be had without waiting.</returns>
    internal byte* Take(PagedRegion region, long index, bool isFirst, ref JointAccess access)
    {
        TestHook.MayFail(FailurePoint.Allocation);
        _root = GCHandle.Alloc(region);
        byte* address = null;
        try
        {
            address = region.PinForOwner(index, isFirst, ref access, out _word, out _isCounted);
            return address;
        }
        finally
        {
            SetRegion(address == null ? null : region);
        }
    }

    /// <summary>One more use, unless the owner has let go.</summary>
    internal bool TryBeginUse()
    {
        int state = Shared.Read(SharedWord.Operation, ref _state);
        while ((state & LetGo) == 0 && state < MaxUses)
        {
            int found = Shared.CompareExchange(SharedWord.Operation, ref _state, state + 1, state);
            if (found == state)
            {
                return true;
            }

            state = found;
        }

        return false;
    }

    /// <summary>One use less.</summary>
    /// <param name="released">Whether that gave the page back.</param>
    /// <returns>False when there was none.</returns>
    internal bool TryEndUse(out bool released)
    {
        released = false;
        int state = Shared.Read(SharedWord.Operation, ref _state);
        while ((state & ~LetGo) != 0)
        {
            int found = Shared.CompareExchange(SharedWord.Operation, ref _state, state - 1, state);
            if (found == state)
            {
                released = state - 1 == LetGo;
                if (released)
                {
                    Release();
                }

                return true;
            }

            state = found;
        }

        return false;
    }

    /// <summary>The owner lets go. Does nothing when it has done so before.</summary>
    /// <returns>Whether that gave the page back: nobody uses it.</returns>
    internal bool TryLetGo()
    {
        int state = Shared.Read(SharedWord.Operation, ref _state);
        while ((state & LetGo) == 0)
        {
            int found = Shared.CompareExchange(SharedWord.Operation, ref _state, state | LetGo, state);
            if (found == state)
            {
                bool isReleased = IsUnused(state);
                if (isReleased)
                {
                    Release();
                }

                return isReleased;
            }

            state = found;
        }

        return false;
    }

    /// <summary>By the finalizer of an owner that was dropped: nobody uses the page through it, unless by a span that has outlived
    /// it.</summary>
    /// <param name="keepsPage">Whether there may be such a span. Then the page stays pinned for good, as one whose lease was dropped, and
    /// only the array may be collected.</param>
    internal void Drop(bool keepsPage)
    {
        if (_region is not null && Interlocked.Exchange(ref _state, LetGo) != LetGo)
        {
            if (keepsPage)
            {
                _root.Free();
            }
            else
            {
                Release();
            }
        }
    }

    /// <summary>The page is pinned, or (null) was not to be had.</summary>
    private void SetRegion(PagedRegion? region)
    {
        _region = region;
        if (region is null)
        {
            _root.Free();
        }
    }

    private void Release()
    {
        PagedRegion? region = _region;
        if (region is not null)
        {
            region.UnpinForOwner(_word, _isCounted);
            _root.Free();
        }
    }
}
