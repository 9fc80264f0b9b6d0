using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The threads that wait for a frame of one page size, in the order in which they came. Only the first looks for one; a thread
/// that comes later stands behind it, and does not take the frame that the first has waited for.</summary>
internal sealed class WaitingLine
{
    private readonly Gate _gate = new();
    private readonly List<long> _tickets = [];
    private long _last;
    private int _count;

    internal bool IsEmpty => Shared.Read(SharedWord.Counter, ref _count) == 0;

    /// <summary>Joins the end. The caller owes a <see cref="Leave"/>.</summary>
    internal long Join()
    {
        using Gate.Scope held = _gate.Enter();
        _tickets.Add(++_last);
        Volatile.Write(ref _count, _tickets.Count);
        return _last;
    }

    internal bool IsFirst(long ticket)
    {
        using Gate.Scope held = _gate.Enter();
        return _tickets[0] == ticket;
    }

    internal void Leave(long ticket)
    {
        using (_gate.Enter())
        {
            _tickets.Remove(ticket);
            Volatile.Write(ref _count, _tickets.Count);
        }

        // The thread that is first now may have been asleep behind us.
        LeaseEnds.Signal();
    }
}

/// <summary>One access that waits in a line, from the first time that it found no frame to its end. A default one does not wait.</summary>
internal struct LeaseWait
{
    /// <summary>Its place; 0 when it is not in the line.</summary>
    internal long Ticket;

    /// <summary>Signals seen before the last look at the frames.</summary>
    internal long Seen;

    /// <summary>When it came.</summary>
    internal long Since;

    /// <summary>How many more leases it makes sense to wait for.</summary>
    internal long Left;

    /// <summary>Looks of a thread that must not wait.</summary>
    internal int Looks;

    /// <summary>No lease has ended for as long as an access may wait: it looks a last time.</summary>
    internal bool IsOver;

    internal readonly bool IsInLine => Ticket != 0;
}
