namespace Paging.Threading;

/// <summary>Wakes sleeping background threads. A second request, before a thread has taken the first, costs a load.</summary>
/// <remarks>No request is lost. The requester sets the request and then checks for sleepers; a thread that goes to sleep counts itself as a
/// sleeper and then checks for a request. Both have a full fence in between.</remarks>
internal sealed class WakeSignal
{
    private readonly Condition _condition = new();
    private int _requested;
    private int _sleeping;
    private bool _stopped;

    internal bool IsStopped => Volatile.Read(ref _stopped);

    /// <summary>Sleeps until <see cref="Wake"/> is called, unless it was called since the last sleep, or until the time is up. False once
    /// the signal is stopped.</summary>
    /// <param name="milliseconds">The longest sleep; or infinite.</param>
    internal bool Sleep(int milliseconds)
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        Interlocked.Increment(ref _sleeping);
        while (!_stopped && Interlocked.Exchange(ref _requested, 0) == 0)
        {
            if (!_condition.Wait(ref interrupted, milliseconds))
            {
                break;
            }
        }

        Interlocked.Decrement(ref _sleeping);
        bool goesOn = !_stopped;

        // The thread is the pager's own, and waits for nothing else. An interrupt that was kept would end each of its sleeps from now on.
        _condition.Exit(interrupted: false);
        return goesOn;
    }

    internal void Wake()
    {
        if (Volatile.Read(ref _requested) != 0 || Interlocked.Exchange(ref _requested, 1) != 0)
        {
            return;
        }

        // Pairs with the increment in Sleep.
        Fences.AfterInterlocked();
        if (Volatile.Read(ref _sleeping) != 0)
        {
            Pulse(all: false);
        }
    }

    internal void Stop()
    {
        Volatile.Write(ref _stopped, true);
        Pulse(all: true);
    }

    private void Pulse(bool all)
    {
        bool interrupted = false;
        _condition.Enter(ref interrupted);
        if (all)
        {
            _condition.PulseAll();
        }
        else
        {
            _condition.Pulse();
        }

        _condition.Exit(interrupted);
    }
}
