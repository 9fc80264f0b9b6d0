using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>What an access does that found every frame pinned: it waits for a lease to end, holding nothing, as long as leases do end.</summary>
/// <remarks>A thread that is known to have leases out itself does not wait for those of others, who may wait for its own. Whoever waits stands in the line of its
/// page size: the first looks at all frames again whenever a pin was given back, and the others sleep behind it. Threads with leases pass by the line, since the
/// first may be waiting for theirs.</remarks>
internal sealed unsafe class LeaseQueue(PagingDomain domain)
{
    /// <summary>An access is refused when no lease has ended for so long.</summary>
    private static readonly TimeSpan s_maxWait = TimeSpan.FromSeconds(1);

    /// <summary>How long a sleep is at most: not everything that makes room wakes those who wait, only the end of a lease does.</summary>
    private const int SleepMilliseconds = 20;

    /// <summary>How often a thread that must not wait looks: the pins of setters and copies last for less.</summary>
    private const int MaxLooks = 16;

    private readonly WaitingLine[] _lines = MakeLines();
    private readonly TimeProvider _time = domain.Tuning.Time;

    /// <summary>When a waiting thread last saw that a pin had been taken or given back.</summary>
    private long _lastChange;

    /// <summary>Threads in all lines.</summary>
    private int _waiting;

    private static WaitingLine[] MakeLines()
    {
        var lines = new WaitingLine[FramePool.ClassCount];
        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] = new WaitingLine();
        }

        return lines;
    }

    private WaitingLine LineOf(FrameClass size) => _lines[size.PageShift - FramePool.MinPageShift];

    /// <summary>Whether a fault may look for a frame now. If not, it has slept, and looks at its page anew.</summary>
    internal bool AwaitTurn(FrameClass size, ulong* page, ulong word, ref LeaseWait wait)
    {
        // One load on a fault when nobody waits for frames of any size. A waiter that is missed is passed by once.
        return Shared.Read(SharedWord.Counter, ref _waiting) == 0 || AwaitTurn(LineOf(size), page, word, ref wait);
    }

    private bool AwaitTurn(WaitingLine line, ulong* page, ulong word, ref LeaseWait wait)
    {
        if (!wait.IsInLine)
        {
            if (line.IsEmpty || domain.HoldsLeases)
            {
                return true;
            }

            Join(line, ref wait, long.MaxValue);
        }

        // Before the look at the frames: what ends after that is not slept through.
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

    internal void Leave(FrameClass size, ref LeaseWait wait)
    {
        if (wait.IsInLine)
        {
            Interlocked.Decrement(ref _waiting);
            LineOf(size).Leave(wait.Ticket);
            wait = default;
        }
    }

    /// <summary>Waits for a lease to end. False when that does not help, or none has ended for long.</summary>
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
            if (domain.HoldsLeases)
            {
                Spinner.Yield();
                return wait.Looks++ < MaxLooks;
            }

            if (domain.Watch.CountPins() > 0)
            {
                domain.Watch.Suspend();
            }

            // The next look is the first that asks to be woken.
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
            // Where other leases come and go for ever and the pool is full, only those seen first are waited for.
            wait.Left -= wait.Left == long.MaxValue ? 0 : 1;
        }
        else
        {
            // To a seeded scheduler time has passed when nobody can move.
            wait.IsOver = TestHook.Interleaver is not null
                || _time.GetElapsedTime(Math.Max(wait.Since, Volatile.Read(ref _lastChange))) >= s_maxWait;
        }

        return true;
    }
}
