using Paging.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The threads that wait for a frame of one page size, in the order in which they came. Only the first looks for a frame. A thread
/// that comes later stands behind it, and does not take the frame that the first has waited for.</summary>
internal sealed class WaitingLine
{
    private readonly Gate _gate = new();
    private readonly List<long> _tickets = [];
    private long _last;
    private int _count;

    internal bool IsEmpty => Shared.Read(SharedWord.Counter, ref _count) == 0;

    /// <summary>Joins the end of the line. The caller must <see cref="Leave"/> later.</summary>
    internal long Join()
    {
        _gate.Enter();
        try
        {
            _tickets.Add(++_last);
            Volatile.Write(ref _count, _tickets.Count);
            return _last;
        }
        finally
        {
            _gate.Exit();
        }
    }

    internal bool IsFirst(long ticket)
    {
        _gate.Enter();
        bool first = _tickets[0] == ticket;
        _gate.Exit();
        return first;
    }

    /// <summary>Lets those behind pass: goes to the end of the line. The caller is the first.</summary>
    /// <returns>False when nobody is behind.</returns>
    internal bool TryPassOn(long ticket)
    {
        _gate.Enter();
        bool passes = _tickets.Count > 1 && _tickets[0] == ticket;
        if (passes)
        {
            // Room for it there is: the list does not grow.
            _tickets.RemoveAt(0);
            _tickets.Add(ticket);
        }

        _gate.Exit();
        if (passes)
        {
            LeaseEnds.Signal();
        }

        return passes;
    }

    internal void Leave(long ticket)
    {
        _gate.Enter();
        _tickets.Remove(ticket);
        Volatile.Write(ref _count, _tickets.Count);
        _gate.Exit();
        // The thread that is first now may have been asleep behind us.
        LeaseEnds.Signal();
    }
}

/// <summary>One access: how it may wait, and its place in a line from the first time that it found no frame until it ends. The default
/// value does not wait yet.</summary>
internal unsafe partial struct LeaseWait
{
    /// <summary>What it may wait for.</summary>
    internal FaultManner Manner;

    /// <summary>Whether an access that must not wait for a device would have had to.</summary>
    internal bool NeedsDevice;

    /// <summary>The frames that it has in hand, if it brings in several pages. They lie on the caller's stack.</summary>
    internal FrameBatch* Frames;

    /// <summary>Its place in the line; 0 when it is in none.</summary>
    internal long Ticket;

    /// <summary>Signals seen before the last look at the frames.</summary>
    internal long Seen;

    /// <summary>When it joined the line, by the pager's clock.</summary>
    internal long Since;

    /// <summary>How many more leases it makes sense to wait for.</summary>
    internal long Left;

    /// <summary>How often a thread that must not wait has looked.</summary>
    internal int Looks;

    /// <summary>How often a joint access has tried in its turn since a lease last ended.</summary>
    internal int Tries;

    /// <summary>How often a joint access has looked as the first in line, since it came there last.</summary>
    internal int Turns;

    /// <summary>How often a joint access has let those behind it pass, if there were any, since a lease last ended.</summary>
    internal int Passes;

    /// <summary>Where the page that it brought in was.</summary>
    internal FaultTier Tier;

    /// <summary>When its first look for the page began that brings it in; 0 when nobody wants to know.</summary>
    internal long Began;

    /// <summary>Whether no lease has ended for the longest time that it waits. Then it looks a last time.</summary>
    internal bool IsOver;

    internal readonly bool IsInLine => Ticket != 0;

    /// <summary>Whether it asks to be woken by the ends of the leases that it finds. Not while it has pages pinned: it would find its
    /// own.</summary>
    internal readonly bool Marks => IsInLine && !IsHolding;

    /// <summary>Whether it must not wait for a device.</summary>
    internal readonly bool IsAtHand => Manner == FaultManner.AtHand;

    /// <summary>Whether a page that it brings in is pinned for it.</summary>
    internal readonly bool Pins => Manner is not (FaultManner.Requested or FaultManner.Ahead);
}
