using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;

namespace Paging.Diagnostics;

/// <summary>The events of all pagers, by the name "Paging": what happens seldom and is worth a line in a log. Each is a test of a flag
/// while nobody listens.</summary>
/// <remarks>
/// Listeners are called by a thread of the thread pool, one event after another: events arise where claims, turns and scopes are held, even
/// on the thread that runs finalizers, and a listener may do anything. Beyond <see cref="MaxPending"/> events that wait for listeners, new
/// ones are dropped.
/// Numbers and arguments are what programs that listen know; they are not changed. docs/watching.md has the same table.
/// </remarks>
[EventSource(Name = SourceName)]
[SuppressMessage("Performance", "CA1822", Justification = "Events are instance methods.")]
internal sealed class PagingEvents : EventSource
{
    internal const string SourceName = "Paging";

    /// <summary>Events that may wait for listeners.</summary>
    internal const int MaxPending = 1024;

    private const string OnlyPrimitives = "The arguments are strings and numbers, whose members are kept.";

    private static readonly PagingEvents s_log = new();
    private static readonly ConcurrentQueue<Pending> s_pending = new();

    /// <summary>Events in the queue, or about to be. Who raises it from 0 has it emptied.</summary>
    private static int s_count;

    private PagingEvents()
    {
    }

    /// <summary>Whether anybody listens, for events whose arguments cost something.</summary>
    internal static bool IsListenedTo => s_log.IsEnabled();

    /// <summary>Has loaded what events need, while there is somebody who can be told that it cannot be: later they come from finalizers and
    /// from threads of the background too.</summary>
    internal static void Load()
    {
        // Named here, so that it is found to be missing before the initializer: a class whose initializer has failed once fails for good.
        GC.KeepAlive(typeof(ConcurrentQueue<Pending>));
        RuntimeHelpers.RunClassConstructor(typeof(PagingEvents).TypeHandle);
    }

    /// <summary>Swapon.</summary>
    internal static void NoteSwapFileAdded(string pager, string path, long bytes, int priority) =>
        Note(EventLevel.Informational, new Pending(1, pager, path, string.Empty, bytes, priority));

    /// <summary>Swapoff.</summary>
    internal static void NoteSwapFileRemoved(string pager, string path) =>
        Note(EventLevel.Informational, new Pending(2, pager, path, string.Empty, 0, 0));

    /// <summary>A file has failed too often in a row: nothing more is written to it.</summary>
    internal static void NoteSwapFileRetired(string pager, string path, int error) =>
        Note(EventLevel.Error, new Pending(3, pager, path, string.Empty, error, 0));

    /// <summary>An operation is refused, since the pool and the files are full.</summary>
    internal static void NotePoolFull(string pager, long poolBytes, long poolBudgetBytes, long fileBytes) =>
        Note(EventLevel.Warning, new Pending(4, pager, string.Empty, string.Empty, poolBytes, poolBudgetBytes, fileBytes));

    /// <summary>An access is refused, since leases are on every frame that it could have had.</summary>
    internal static void NoteFramesPinned(string pager, long leases, long residentBudgetBytes) =>
        Note(EventLevel.Warning, new Pending(5, pager, string.Empty, string.Empty, leases, residentBudgetBytes));

    /// <summary>A stored page fails its checksum, or cannot be read.</summary>
    /// <param name="pager">The pager.</param>
    /// <param name="array">The array's name; empty when it has none, or the page is no array's.</param>
    /// <param name="page">The page's number in the array; −1 when it is no array's.</param>
    /// <param name="reason">What is wrong.</param>
    internal static void NotePageCorrupted(string pager, string array, long page, string reason) =>
        Note(EventLevel.Error, new Pending(6, pager, array, reason, page, 0));

    /// <summary>Budgets have changed, by the program or to follow memory pressure.</summary>
    internal static void NoteBudgetsChanged(string pager, long residentBytes, long poolBytes) =>
        Note(EventLevel.Informational, new Pending(7, pager, string.Empty, string.Empty, residentBytes, poolBytes));

    /// <summary>An array was dropped without Dispose, and its finalizer has taken it down.</summary>
    internal static void NoteArrayDropped(string pager, string array, long pages, int pageBytes) =>
        Note(EventLevel.Warning, new Pending(8, pager, array, string.Empty, pages, pageBytes));

    /// <summary>A dropped array had a lease that was never disposed: the frame of its page is lost.</summary>
    internal static void NoteLeaseLost(string pager, string array) =>
        Note(EventLevel.Error, new Pending(9, pager, array, string.Empty, 0, 0));

    private static void Note(EventLevel level, in Pending pending)
    {
        if (s_log.IsEnabled(level, EventKeywords.None))
        {
            Post(pending);
        }
    }

    private static void Post(in Pending pending)
    {
        int before = Interlocked.Increment(ref s_count) - 1;
        if (before >= MaxPending)
        {
            Interlocked.Decrement(ref s_count);
            return;
        }

        s_pending.Enqueue(pending);
        if (before == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static _ => Drain(), null);
        }
    }

    /// <summary>Tells listeners of all that has been noted. By one thread at a time: another one comes only from a count of 0.</summary>
    private static void Drain()
    {
        do
        {
            // Counted before it was queued, so that it may not be there yet.
            Pending pending;
            SpinWait spin = default;
            while (!s_pending.TryDequeue(out pending))
            {
                spin.SpinOnce();
            }

            try
            {
                s_log.Write(pending);
            }
            catch (Exception)
            {
                // A listener's. The others have been told, and there are more events.
            }
        }
        while (Interlocked.Decrement(ref s_count) != 0);
    }

    [NonEvent]
    private void Write(in Pending e)
    {
        switch (e.Id)
        {
            case 1:
                SwapFileAdded(e.Pager, e.Text, e.First, (int)e.Second);
                break;
            case 2:
                SwapFileRemoved(e.Pager, e.Text);
                break;
            case 3:
                SwapFileRetired(e.Pager, e.Text, (int)e.First);
                break;
            case 4:
                PoolFull(e.Pager, e.First, e.Second, e.Third);
                break;
            case 5:
                FramesPinned(e.Pager, e.First, e.Second);
                break;
            case 6:
                PageCorrupted(e.Pager, e.Text, e.First, e.More);
                break;
            case 7:
                BudgetsChanged(e.Pager, e.First, e.Second);
                break;
            case 8:
                ArrayDropped(e.Pager, e.Text, e.First, (int)e.Second);
                break;
            default:
                LeaseLost(e.Pager, e.Text);
                break;
        }
    }

    [Event(1, Level = EventLevel.Informational, Message = "{0}: swap file '{1}' of {2} bytes, priority {3}, is in use")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void SwapFileAdded(string pager, string path, long bytes, int priority) => WriteEvent(1, pager, path, bytes, priority);

    [Event(2, Level = EventLevel.Informational, Message = "{0}: swap file '{1}' is removed")]
    private void SwapFileRemoved(string pager, string path) => WriteEvent(2, pager, path);

    [Event(3, Level = EventLevel.Error, Message = "{0}: swap file '{1}' is retired, since it keeps failing: errno {2}")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void SwapFileRetired(string pager, string path, int error) => WriteEvent(3, pager, path, error);

    [Event(4, Level = EventLevel.Warning, Message = "{0}: refused, pool and files are full: {1} of {2} bytes, {3} in files")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void PoolFull(string pager, long poolBytes, long poolBudgetBytes, long fileBytes) =>
        WriteEvent(4, pager, poolBytes, poolBudgetBytes, fileBytes);

    [Event(5, Level = EventLevel.Warning, Message = "{0}: refused, every frame is pinned: {1} leases out, ResidentBytes = {2}")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void FramesPinned(string pager, long leases, long residentBudgetBytes) => WriteEvent(5, pager, leases, residentBudgetBytes);

    [Event(6, Level = EventLevel.Error, Message = "{0}: page {2} of array '{1}' cannot be had: {3}")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void PageCorrupted(string pager, string array, long page, string reason) => WriteEvent(6, pager, array, page, reason);

    [Event(7, Level = EventLevel.Informational, Message = "{0}: the budgets are ResidentBytes = {1}, PoolBytes = {2}")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void BudgetsChanged(string pager, long residentBytes, long poolBytes) => WriteEvent(7, pager, residentBytes, poolBytes);

    [Event(8, Level = EventLevel.Warning, Message = "{0}: array '{1}' of {2} pages of {3} bytes was dropped without Dispose")]
    [UnconditionalSuppressMessage("ReflectionAnalysis", "IL2026", Justification = OnlyPrimitives)]
    private void ArrayDropped(string pager, string array, long pages, int pageBytes) => WriteEvent(8, pager, array, pages, pageBytes);

    [Event(9, Level = EventLevel.Error, Message = "{0}: a lease on array '{1}' was never disposed; its frame is lost")]
    private void LeaseLost(string pager, string array) => WriteEvent(9, pager, array);

    /// <summary>An event that waits for its turn: the arguments of any of them.</summary>
    private readonly record struct Pending(int Id, string Pager, string Text, string More, long First, long Second, long Third = 0);
}
