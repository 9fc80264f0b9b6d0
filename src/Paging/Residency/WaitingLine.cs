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

    /// <summary>Lets those behind pass, if there are any: goes to the end of the line. The caller is the first.</summary>
    internal void PassOn(long ticket)
    {
        using (_gate.Enter())
        {
            if (_tickets.Count <= 1 || _tickets[0] != ticket)
            {
                return;
            }

            // Room for it there is: the list does not grow.
            _tickets.RemoveAt(0);
            _tickets.Add(ticket);
        }

        LeaseEnds.Signal();
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
