namespace Paging.Residency;

/// <summary>An access that needs several pages pinned at the same time. It takes them one by one, and never waits for the leases of others
/// while it has some of them: threads that did would wait for each other. When no frame is to be had without waiting, it lets go of all
/// that it has, waits for its turn as an access that holds nothing, and begins anew.</summary>
/// <remarks>A local of one thread's, empty at first. While its turn lasts it is the first in the line of its page size, so that threads
/// which want a single page do not take the frames that come free, and its place in the line is kept from one try to the next. The caller
/// must <see cref="Leave"/> in the end, whatever happened.</remarks>
internal struct JointAccess
{
    /// <summary>How it waits.</summary>
    internal LeaseWait Wait;

    /// <summary>What stood in the way of the page for which there was no frame.</summary>
    internal Shortage Shortage;

    private DroppedArrays.Attempt _dropped;

    /// <summary>The first page, for which others may be waited for, since nothing is held; or one more.</summary>
    internal void Begin(bool isFirst)
    {
        Wait.Manner = isFirst ? FaultManner.Patient : FaultManner.Holding;
        Wait.Looks = 0;
        Shortage = default;
    }

    /// <summary>Waits until it makes sense to try all pages once more. The caller has let go of all of them.</summary>
    /// <param name="domain">The pager's.</param>
    /// <param name="region">The array.</param>
    /// <param name="first">The first page that is wanted.</param>
    /// <param name="count">How many.</param>
    /// <param name="more">Frames that it needs besides.</param>
    /// <exception cref="OutOfPagingSpaceException">No leases of others are in the way, or none of them has ended for too long.</exception>
    /// <exception cref="ObjectDisposedException">The array or the pager is disposed.</exception>
    internal void AwaitRoom(PagingDomain domain, PagedRegion region, long first, long count, int more)
    {
        if (domain.Queue.TryAwaitRoom(region, first, count, more, ref Shortage, ref Wait))
        {
            return;
        }

        // Neither pins nor a place in the line are held while budgets settle, or finalizers of dropped arrays run.
        domain.Queue.Leave(region.Frames, ref Wait);
        if (!domain.Dropped.TryTakeDown(ref _dropped, own: 1, Shortage.IsPoolFull))
        {
            // A thread that loses a race against Dispose is told that the array is disposed, not that there is no room.
            region.AwaitOpen();
            domain.ThrowIfClosed();
            ThrowHelper.ThrowOutOfSpace(domain, region, write: false, Shortage);
        }
    }

    /// <summary>The access is over. It may still have its pages.</summary>
    internal void Leave(PagingDomain domain, PagedRegion region) => domain.Faults.Leave(region, ref Wait);
}
