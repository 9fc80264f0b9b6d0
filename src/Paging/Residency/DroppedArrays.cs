using System.Runtime;
using Paging.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Arrays that a program dropped without Dispose. They hold frames and pool until the collector finds them. So before a program is
/// told that there is no room, the collector is asked once.</summary>
/// <remarks>The caller holds nothing that an array's finalizer needs: no claim, gate, pin, writer or hold on the rundown. A finalizer of
/// the program may still wait for a lock that the calling thread has; so every wait here has an end.</remarks>
internal sealed class DroppedArrays(PagingDomain domain, TimeProvider time)
{
    /// <summary>How long finalizers get to take down what was found. By the system's clock: a wait must end.</summary>
    private const int PatienceMilliseconds = 1000;

    /// <summary>How long they get when they took nothing down the last time: something holds them up, maybe the caller itself.</summary>
    private const int LittlePatienceMilliseconds = 10;

    /// <summary>How many collections in a row may find nothing: a program that was refused drops something, and tries again at
    /// once.</summary>
    private const int MaxVain = 3;

    /// <summary>After that, nothing else having happened, the next one comes this much later at the earliest.</summary>
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(1);

    /// <summary>Where arrays were made meanwhile, it may come sooner, but collections take no more than one part in so many of the
    /// time.</summary>
    private const int ShareOfTime = 10;

    /// <summary>How many turns of other threads one access waits for while nothing is taken down.</summary>
    private const int MaxTurnsOfOthers = 3;

    /// <summary>The thread that runs finalizers, as soon as one of ours has run: it would wait for itself.</summary>
    private static int s_finalizerThread;

    private readonly EventCount _takenDown = new();
    private readonly EventCount _turns = new();

    /// <summary>0 → 1 by CAS, by the thread that asks the collector; back by that thread.</summary>
    private int _busy;
    private long _collections;
    private long _leakedPages;

    /// <summary>The name of the last dropped array that has one.</summary>
    private string? _lastName;

    // The figures of the last time that it was in vain. Written by the thread that has the turn, read by the next.
    private bool _wasVain;
    private int _vainInARow;
    private bool _wasStuck;
    private long _vainAt;
    private TimeSpan _vainCost;
    private long _vainArrays;
    private long _vainTakenDown;

    /// <summary>What one access has tried. A local of the caller's, zero at first.</summary>
    internal struct Attempt
    {
        internal bool HasCollected;
        internal int TurnsOfOthers;
        internal long TakenDown;

        /// <summary>What it has seen of budgets that move.</summary>
        internal Resizer.Seen Resizes;

        /// <summary>What it has seen of swap files that are removed.</summary>
        internal Resizer.Seen Removals;
    }

    /// <summary>How often the collector was asked.</summary>
    internal long Collections => Volatile.Read(ref _collections);

    /// <summary>Dropped arrays that have been taken down by their finalizers.</summary>
    internal long TakenDown => _takenDown.Count;

    /// <summary>Pages that dropped arrays have left pinned.</summary>
    internal long LostFrames => Volatile.Read(ref _leakedPages);

    /// <summary>A dropped array has been taken down; the calling thread runs finalizers.</summary>
    internal void NoteTakenDown(PagedRegion region)
    {
        Volatile.Write(ref s_finalizerThread, Environment.CurrentManagedThreadId);
        if (!string.IsNullOrEmpty(region.Name))
        {
            Volatile.Write(ref _lastName, region.Name);
        }

        _takenDown.Signal();
        PagingEvents.NoteArrayDropped(domain.Name, region.Name ?? string.Empty, region.PageCount, region.Frames.PageBytes);
    }

    /// <summary>A dropped array has left a page pinned, whose frame is lost.</summary>
    internal void NoteLeak(PagedRegion region)
    {
        Interlocked.Increment(ref _leakedPages);
        PagingEvents.NoteLeaseLost(domain.Name, region.Name ?? string.Empty);
    }

    /// <summary>Has dropped arrays taken down, if there may be any. While the budgets move, waits for that instead: it takes room away
    /// before it gives it back. Then lets budgets grow that are below their ceilings. In the end waits for a swap file that is being
    /// removed: it may stay.</summary>
    /// <param name="attempt">The access's.</param>
    /// <param name="own">Arrays that the caller itself has in its hands.</param>
    /// <param name="isPoolFull">Whether room for stored pages is what is wanted. A removal is no reason to wait for frames.</param>
    /// <returns>Whether to try again.</returns>
    internal bool TryTakeDown(ref Attempt attempt, int own, bool isPoolFull) =>
        TryTakeDownForRemoval(ref attempt, own) || (isPoolFull && domain.SwapFiles.TryAwait(ref attempt.Removals));

    /// <summary>As <see cref="TryTakeDown"/>, for a thread that removes a swap file: it waits for no removal.</summary>
    internal bool TryTakeDownForRemoval(ref Attempt attempt, int own = 0) =>
        domain.Resizer.TryAwait(ref attempt.Resizes)
        || TryCollect(ref attempt, own)
        || (domain.Follower?.TryGrowForNeed() ?? false);

    /// <summary>As <see cref="TryTakeDown"/>, for the thread that moves the budgets.</summary>
    internal bool TryCollect(ref Attempt attempt, int own)
    {
        // A seeded world has no collector: what it drops, its own steps take down.
        if (TestHook.Interleaver is not null
            || domain.IsClosed
            || Environment.CurrentManagedThreadId == Volatile.Read(ref s_finalizerThread))
        {
            return false;
        }

        // Arrays that were taken down since made room, if only for another thread: that is no reason to give up. At the first try that may
        // be long ago.
        long takenDown = TakenDown;
        if (attempt.TakenDown != takenDown)
        {
            attempt = new Attempt { TakenDown = takenDown, Resizes = attempt.Resizes, Removals = attempt.Removals };
            return true;
        }

        long turn = _turns.Count;
        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            _turns.TryWaitBeyond(turn, 2 * PatienceMilliseconds);
            return attempt.TurnsOfOthers++ < MaxTurnsOfOthers;
        }

        try
        {
            return TryTakeDownInTurn(ref attempt, own);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
            _turns.Signal();
        }
    }

    /// <summary>For exceptions: what the program may have forgotten to dispose.</summary>
    internal string Describe()
    {
        (int alive, int dropped) = domain.Regions.CountDropped();
        long takenDown = TakenDown;
        long leaked = Volatile.Read(ref _leakedPages);
        int all = alive + dropped;
        string text = all == 0 ? string.Empty : $"; {all:N0} array{(all == 1 ? " is" : "s are")} not disposed";
        text += dropped == 0 ? string.Empty : $", {dropped:N0} of them dropped and waiting for their finalizers";
        string were = takenDown == 1 ? "was" : "were";
        text += takenDown == 0 ? string.Empty : $"; {takenDown:N0} dropped without Dispose {were} taken down before";
        text += takenDown != 0 && Volatile.Read(ref _lastName) is { } name ? $", '{name}' the last with a name" : string.Empty;
        string frames = leaked == 1 ? "frame" : "frames";
        return text + (leaked == 0 ? string.Empty : $"; {leaked:N0} {frames} lost to leases that were never disposed");
    }

    private bool TryTakeDownInTurn(ref Attempt attempt, int own)
    {
        long start = time.GetTimestamp();
        long takenDown = TakenDown;
        (int alive, int dropped) = domain.Regions.CountDropped();
        bool mayTry = MayTry(start);
        bool isStuck = _wasStuck && takenDown == _vainTakenDown && !mayTry;
        bool wantsCollection = dropped == 0;
        if (wantsCollection)
        {
            if (!mayTry || attempt.HasCollected || alive <= own || GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
            {
                return false;
            }

            attempt.HasCollected = true;
            Interlocked.Increment(ref _collections);
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
            dropped = domain.Regions.CountDropped().Dropped;
        }

        AwaitFinalizers(isStuck ? LittlePatienceMilliseconds : PatienceMilliseconds);

        // A finalizer takes its array off the list first, and is counted when it is done.
        int left = domain.Regions.CountDropped().Dropped;
        _wasVain = TakenDown == takenDown && left >= dropped;
        _wasStuck = _wasVain && left > 0;
        _vainInARow = _wasVain ? _vainInARow + 1 : 0;
        if (_wasVain)
        {
            _vainAt = time.GetTimestamp();
            _vainCost = time.GetElapsedTime(start, _vainAt);
            _vainArrays = domain.Regions.Made;
            _vainTakenDown = takenDown;
        }

        // After a collection even if it was in vain: something else may have come free meanwhile.
        return wantsCollection || !_wasVain;
    }

    /// <summary>Waits until the arrays that were found unreachable have been taken down, or time is up.</summary>
    private void AwaitFinalizers(int milliseconds)
    {
        long end = Environment.TickCount64 + milliseconds;
        while (true)
        {
            long seen = TakenDown;
            long left = end - Environment.TickCount64;
            if (left <= 0 || domain.Regions.CountDropped().Dropped == 0 || !_takenDown.TryWaitBeyond(seen, (int)left))
            {
                return;
            }
        }
    }

    private bool MayTry(long now)
    {
        if (_vainInARow < MaxVain || TakenDown != _vainTakenDown)
        {
            return true;
        }

        TimeSpan since = time.GetElapsedTime(_vainAt, now);
        return since >= s_rest || (domain.Regions.Made != _vainArrays && since >= ShareOfTime * _vainCost);
    }
}
