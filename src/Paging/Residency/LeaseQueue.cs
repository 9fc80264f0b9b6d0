using Paging.Memory;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Lets an access that found every frame pinned wait for a lease to end. It holds nothing meanwhile, and waits as long as leases
/// do end.</summary>
/// <remarks>A thread that is known to have leases itself does not wait for the leases of other threads, since those may wait for its own. A
/// waiting thread stands in the line of its page size. The first in line looks at all frames again whenever a pin was given back; the
/// others sleep behind it. Threads with leases pass by the line, since the first may be waiting for theirs. An access that needs several
/// frames (<see cref="JointAccess"/>) stands there without any. As the first it tries when so few frames are pinned that the others are
/// enough. It may stand before one whose leases it waits for, since those of objects are no thread's: so it lets those behind pass now and
/// then.</remarks>
internal sealed unsafe class LeaseQueue(PagingDomain domain)
{
    /// <summary>How often a thread that must not wait looks again: setters and copies hold their pins for less time than that
    /// takes.</summary>
    private const int MaxLooks = 16;

    /// <summary>How many ends of leases an access waits for that needs several frames, at most, each of which was in vain for it.</summary>
    private const int MaxEnds = 1 << 16;

    /// <summary>An access is refused when no lease has ended for so long.</summary>
    private static readonly TimeSpan s_maxWait = TimeSpan.FromSeconds(1);

    private readonly WaitingLine[] _lines = MakeLines();
    private readonly TimeProvider _time = domain.Tuning.Time;

    /// <summary>When a waiting thread last saw that a pin had been taken or given back.</summary>
    private long _lastChange;

    /// <summary>Threads in all lines.</summary>
    private int _waiting;

    /// <summary>Whether an access waits for a frame, of whichever size.</summary>
    internal bool IsAnyWaiting => Shared.Read(SharedWord.Counter, ref _waiting) != 0;

    /// <summary>Whether a fault may look for a frame now. If not, it has slept, and must look at its page anew.</summary>
    internal bool AwaitTurn(FrameClass size, ulong* page, ulong word, ref LeaseWait wait)
    {
        // One load for each fault when no thread waits for a frame of any size. If a waiter is missed here, this fault passes it by once.
        return Shared.Read(SharedWord.Counter, ref _waiting) == 0 || AwaitTurn(LineOf(size), page, word, ref wait);
    }

    /// <summary>Waits for a lease to end. False when that would not help, or when none has ended for too long.</summary>
    internal bool TryWait(PagedRegion region, in Shortage shortage, ref LeaseWait wait)
    {
        // What reads of this thread hold, others may want before they end their leases.
        ReadPlan.TryEnd();
        FrameClass size = region.Frames;
        if (!shortage.IsWorthWaiting)
        {
            return false;
        }

        long worth = shortage.WorthWaitingFor;
        if (wait.IsHolding && !domain.HoldsLeases)
        {
            // Not here: see TryAwaitRoom.
            return false;
        }

        if (!wait.IsInLine || wait.IsHolding)
        {
            if (!wait.IsPatient || domain.HoldsLeases)
            {
                Spinner.Yield();
                return wait.Looks++ < MaxLooks;
            }

            // From the next look on, this access asks to be woken.
            SuspendWatch();
            Join(LineOf(size), ref wait, worth);
            wait.Seen = LeaseEnds.Count;
            return true;
        }

        wait.Left = Math.Min(wait.Left, worth);
        if (shortage.HasChanged)
        {
            NoteChange(ref wait);
        }

        if (wait.IsOver || wait.Left <= 0)
        {
            return false;
        }

        if (LeaseEnds.Wait(wait.Seen))
        {
            // The pool is full, and other leases may come and go for ever: only as many are waited for as were seen first.
            wait.Left -= wait.Left == long.MaxValue ? 0 : 1;
        }
        else
        {
            wait.IsOver = IsTimeUp(wait);
        }

        return true;
    }

    /// <summary>For an access that needs several frames and has let go of those that it had: waits until it is the first in line and the
    /// frames that are not pinned may be enough.</summary>
    /// <param name="region">The array.</param>
    /// <param name="first">The first page that it wants to pin.</param>
    /// <param name="count">How many.</param>
    /// <param name="more">Frames that it needs besides.</param>
    /// <param name="shortage">What stood in the way the last time, its own pages included; or does now.</param>
    /// <param name="wait">The access's.</param>
    /// <returns>Whether to try again. False when no leases are in the way but those that it had itself, or none has ended for too
    /// long.</returns>
    internal bool TryAwaitRoom(PagedRegion region, long first, long count, int more, ref Shortage shortage, ref LeaseWait wait)
    {
        ReadPlan.TryEnd();
        if (domain.HoldsLeases)
        {
            return false;
        }

        FrameClass size = region.Frames;
        WaitingLine line = LineOf(size);
        if (!wait.IsInLine)
        {
            SuspendWatch();
            Join(line, ref wait, MaxEnds);
        }

        // What it marked before may be marked no more because of its own pins. Behind this look it has none, and any change is another's.
        bool isFirstLook = true;
        while (true)
        {
            region.AwaitOpen();
            domain.ThrowIfClosed();

            // Read before the frames are looked at, so that a lease that ends after that look still ends the sleep.
            wait.Seen = LeaseEnds.Count;
            if (!line.IsFirst(wait.Ticket))
            {
                wait.Turns = 0;
                LeaseEnds.Wait(wait.Seen);
                continue;
            }

            Shortage found = LookAtPins(size, isFirstLook, ref wait);
            isFirstLook = false;
            if (MayBeEnough(region, first, count, more, found) && wait.Tries++ < MaxLooks)
            {
                Spinner.Yield();
                return true;
            }

            // As for a single page: where pages cannot be stored, only so many ends as there are leases on clean ones.
            found.IsDirtyLimit = shortage.IsDirtyLimit;
            found.Unstorable = shortage.Unstorable;
            found.OthersUnstorable = shortage.OthersUnstorable;
            wait.Left = Math.Min(wait.Left, found.WorthWaitingFor);
            if (wait.IsOver || wait.Left <= 0)
            {
                // It may have let go before it looked, since it was not its turn.
                shortage = shortage.Pinned + shortage.OthersPinned == 0 ? found : shortage;
                return false;
            }

            SleepAsFirst(line, size, ref wait);
        }
    }

    /// <summary>Looks at the pins on all frames, and notes whether others have changed any since the last look.</summary>
    private Shortage LookAtPins(FrameClass size, bool isFirstLook, ref LeaseWait wait)
    {
        Shortage found = default;
        domain.Reclaimer.NotePins(size, ref found);
        if (found.HasChanged && !isFirstLook)
        {
            NoteChange(ref wait);
            wait.Tries = 0;
            wait.Passes = 0;
        }

        return found;
    }

    /// <summary>Whether the frames that are not pinned may be enough for pages of a range, or waiting would not help.</summary>
    private static bool MayBeEnough(PagedRegion region, long first, long count, int more, in Shortage found)
    {
        FrameClass size = region.Frames;
        bool isPinned = found.Pinned + found.OthersPinned != 0;
        long needed = count + more - CountPinned(region, first, count);
        return !isPinned || needed <= size.MaxFrames - found.Pinned || count + more > size.MaxFrames;
    }

    /// <summary>Sleeps until a lease ends, and lets those behind pass if that takes long, or has been in vain too often.</summary>
    private void SleepAsFirst(WaitingLine line, FrameClass size, ref LeaseWait wait)
    {
        if (LeaseEnds.Wait(wait.Seen))
        {
            wait.Left--;
            if (++wait.Turns <= MaxLooks + size.MaxFrames)
            {
                return;
            }
        }
        else if (wait.Passes >= (TestHook.Interleaver is null ? 1 : MaxLooks))
        {
            wait.IsOver = IsTimeUp(wait);
        }

        if (!wait.IsOver)
        {
            wait.Turns = 0;
            wait.Passes++;
            line.PassOn(wait.Ticket);
        }
    }

    /// <summary>Pages of a range that others have pinned: they need no frame.</summary>
    private static long CountPinned(PagedRegion region, long first, long count)
    {
        long pinned = 0;
        for (long index = first; index < first + count; index++)
        {
            ulong word = region.Load(index);
            pinned += PageWord.IsResident(word) && PageWord.Pins(word) != 0 ? 1 : 0;
        }

        return pinned;
    }

    /// <summary>Whether no lease has ended for too long. To a seeded scheduler that is so when no thread can move.</summary>
    private bool IsTimeUp(in LeaseWait wait) => TestHook.Interleaver is not null
        || _time.GetElapsedTime(Math.Max(wait.Since, Volatile.Read(ref _lastChange))) >= s_maxWait;

    private void NoteChange(ref LeaseWait wait)
    {
        Volatile.Write(ref _lastChange, _time.GetTimestamp());
        wait.IsOver = false;
    }

    /// <summary>So that it is known which threads have leases.</summary>
    private void SuspendWatch()
    {
        if (domain.Watch.CountPins() > 0)
        {
            domain.Watch.Suspend();
        }
    }

    internal void Leave(FrameClass size, ref LeaseWait wait)
    {
        if (wait.IsInLine)
        {
            Interlocked.Decrement(ref _waiting);
            LineOf(size).Leave(wait.Ticket);
            wait = new LeaseWait { Manner = wait.Manner, Began = wait.Began, Tier = wait.Tier };
        }
    }

    private bool AwaitTurn(WaitingLine line, ulong* page, ulong word, ref LeaseWait wait)
    {
        if (wait.IsHolding)
        {
            // It waits nowhere. If it is not its turn it is told that there is no frame, and lets go.
            return domain.HoldsLeases || (wait.IsInLine ? line.IsFirst(wait.Ticket) : line.IsEmpty);
        }

        if (!wait.IsInLine)
        {
            if (line.IsEmpty || !wait.IsPatient || domain.HoldsLeases)
            {
                return true;
            }

            Join(line, ref wait, long.MaxValue);
        }

        // As in TryWait.
        ReadPlan.TryEnd();

        // Read before the frames are looked at, so that a lease that ends after that look still ends the sleep.
        wait.Seen = LeaseEnds.Count;
        if (line.IsFirst(wait.Ticket))
        {
            return true;
        }

        if (PageWord.Load(page) == word)
        {
            LeaseEnds.Wait(wait.Seen);
        }

        return false;
    }

    private void Join(WaitingLine line, ref LeaseWait wait, long left)
    {
        wait.Ticket = line.Join();
        Interlocked.Increment(ref _waiting);
        wait.Since = _time.GetTimestamp();
        wait.Left = left;
    }

    private WaitingLine LineOf(FrameClass size) => _lines[size.PageShift - FramePool.MinPageShift];

    private static WaitingLine[] MakeLines()
    {
        var lines = new WaitingLine[FramePool.ClassCount];
        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] = new WaitingLine();
        }

        return lines;
    }
}
