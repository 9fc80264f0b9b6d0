using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Work on a range of pages that a program has asked for and whose end it may await. Threads of the background take parts of it
/// from an <see cref="OperationQueue"/>, several at once.</summary>
/// <remarks>It is complete when it is over and no thread works on it any more. What is in the section of the queue below is guarded by its
/// gate.</remarks>
internal abstract class PageOperation(OperationQueue queue, PagedRegion region, long first, long end, long most)
{
    /// <summary>The part of the rest that a thread takes at a time.</summary>
    private const int RestShare = 4;

    /// <summary>Ended before its pages were all dealt with: set under the gate, read between two pages without it.</summary>
    private int _isOver;

    private CancellationTokenRegistration _registration;

    internal PagedRegion Region { get; } = region;

    /// <summary>One past the last page.</summary>
    internal long End { get; private set; } = end;

    /// <summary>Whether no thread goes on with it.</summary>
    internal bool IsOver => Shared.Read(SharedWord.Operation, ref _isOver) != 0;

    // The queue's section.

    /// <summary>The next page that is handed out.</summary>
    internal long Next { get; set; } = first;

    /// <summary>How many more frames it may fill, less what has been handed out.</summary>
    internal long Left { get; set; } = most;

    /// <summary>Parts of it that threads have.</summary>
    internal int Active { get; set; }

    internal PageOperation? Before { get; set; }

    internal PageOperation? Behind { get; set; }

    internal bool IsQueued { get; set; }

    internal bool IsCancelled { get; set; }

    /// <summary>Set once, by the thread that then calls <see cref="Complete"/>.</summary>
    internal bool IsComplete { get; set; }

    /// <summary>Whether it is served before others: somebody cannot go on without it.</summary>
    internal virtual bool IsUrgent => false;

    /// <summary>Where it waits for threads.</summary>
    protected OperationQueue Queue => queue;

    /// <summary>The next page from here on that may need a frame.</summary>
    internal virtual long NextWanted(long page) => Region.NextWanted(page);

    /// <summary>How many pages one thread takes at a time. Under the gate.</summary>
    /// <param name="pages">How many it takes as a rule.</param>
    internal virtual long LimitPart(long pages) => pages;

    /// <summary>A part of what has not been handed out, within limits: large parts first, so that they are few, and small ones towards the
    /// end, so that no thread is long at the last one while the others have none. Under the gate.</summary>
    protected long PartOfRest(long least, long most) => Math.Clamp((End - Next) / RestShare, least, most);

    /// <summary>Begins to read what the thread is about to bring in, as far as that is in files.</summary>
    internal virtual void BeginReads(PageLoader loader, in OperationPart part)
    {
        // A single page is read when it is loaded.
    }

    /// <summary>Deals with one page.</summary>
    /// <returns>What became of it. After <see cref="BroughtIn.NoFrame"/> and <see cref="BroughtIn.Closed"/> the operation is
    /// over.</returns>
    /// <remarks>Throws nothing.</remarks>
    internal abstract BroughtIn Work(PageFetcher fetcher, long page);

    /// <summary>Tells the program. Once, by one thread, without the gate.</summary>
    protected abstract void OnComplete();

    internal void SetOver()
    {
        TestHook.Reach(SharedWord.Operation);
        Volatile.Write(ref _isOver, 1);
    }

    internal void Complete()
    {
        if (!IsCancelled)
        {
            // Without waiting for a callback that is under way: it finds the operation complete.
            _registration.Unregister();
        }

        OnComplete();
    }

    /// <summary>Begins anew with so many pages from the first one on. Only when it is complete, or was never queued.</summary>
    protected void Reset(long pages)
    {
        Next = 0;
        End = pages;
        Left = pages;
        IsCancelled = false;
        IsComplete = false;
        TestHook.Reach(SharedWord.Operation);
        Volatile.Write(ref _isOver, 0);
    }

    /// <summary>Lets a token cancel it. Before it is queued, so that nothing of it is done on another thread yet.</summary>
    protected void CancelBy(CancellationToken token)
    {
        if (token.CanBeCanceled)
        {
            _registration = token.UnsafeRegister(static state => ((PageOperation)state!).Cancel(), this);
        }
    }

    private void Cancel() => queue.Cancel(this);
}
