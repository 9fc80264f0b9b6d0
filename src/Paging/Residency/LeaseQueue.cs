using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Lets an access that found every frame pinned wait for a lease to end. It holds nothing meanwhile, and waits as long as leases
/// do end.</summary>
/// <remarks>A thread that is known to have leases itself does not wait for the leases of other threads, since those may wait for its own. A
/// waiting thread stands in the line of its page size. The first in line looks at all frames again whenever a pin was given back; the
/// others sleep behind it. Threads with leases pass by the line, since the first may be waiting for theirs.</remarks>
internal sealed unsafe class LeaseQueue(PagingDomain domain)
{
    /// <summary>The longest sleep. It is limited because only the end of a lease wakes those who wait, and other things make room,
    /// too.</summary>
    private const int SleepMilliseconds = 20;

    /// <summary>How often a thread that must not wait looks again: setters and copies hold their pins for less time than that
    /// takes.</summary>
    private const int MaxLooks = 16;

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
        FrameClass size = region.Frames;
        if (!shortage.IsWorthWaiting)
        {
            return false;
        }

        long worth = shortage.WorthWaitingFor;

        if (!wait.IsInLine)
        {
            if (!wait.IsPatient || domain.HoldsLeases)
            {
                Spinner.Yield();
                return wait.Looks++ < MaxLooks;
            }

            if (domain.Watch.CountPins() > 0)
            {
                domain.Watch.Suspend();
            }

            // From the next look on, this access asks to be woken.
            Join(LineOf(size), ref wait, worth);
            wait.Seen = LeaseEnds.Count;
            return true;
        }

        wait.Left = Math.Min(wait.Left, worth);
        if (shortage.HasChanged)
        {
            Volatile.Write(ref _lastChange, _time.GetTimestamp());
            wait.IsOver = false;
        }

        if (wait.IsOver || wait.Left <= 0)
        {
            return false;
        }

        if (LeaseEnds.Wait(wait.Seen, SleepMilliseconds))
        {
            // The pool is full, and other leases may come and go for ever: only as many are waited for as were seen first.
            wait.Left -= wait.Left == long.MaxValue ? 0 : 1;
        }
        else
        {
            // To a seeded scheduler the time is up when no thread can move.
            wait.IsOver = TestHook.Interleaver is not null
                || _time.GetElapsedTime(Math.Max(wait.Since, Volatile.Read(ref _lastChange))) >= s_maxWait;
        }

        return true;
    }

    internal void Leave(FrameClass size, ref LeaseWait wait)
    {
        if (wait.IsInLine)
        {
            Interlocked.Decrement(ref _waiting);
            LineOf(size).Leave(wait.Ticket);
            wait = default;
        }
    }

    private bool AwaitTurn(WaitingLine line, ulong* page, ulong word, ref LeaseWait wait)
    {
        if (!wait.IsInLine)
        {
            if (line.IsEmpty || !wait.IsPatient || domain.HoldsLeases)
            {
                return true;
            }

            Join(line, ref wait, long.MaxValue);
        }

        // Read before the frames are looked at, so that a lease that ends after that look still ends the sleep.
        wait.Seen = LeaseEnds.Count;
        if (line.IsFirst(wait.Ticket))
        {
            return true;
        }

        if (PageWord.Load(page) == word)
        {
            LeaseEnds.Wait(wait.Seen, SleepMilliseconds);
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
