namespace Paging.Threading;

/// <summary>Wakes sleeping background threads. Asking again before one has listened costs a load.</summary>
/// <remarks>No request is lost: who asks sets the request and then looks for sleepers; who goes to sleep counts itself as a sleeper and then
/// looks for a request. Both with a full fence in between.</remarks>
internal sealed class WakeSignal
{
    private readonly Condition _condition = new();
    private int _requested;
    private int _sleeping;
    private bool _stopped;

    internal bool IsStopped => Volatile.Read(ref _stopped);

    /// <summary>Sleeps until <see cref="Wake"/>, unless that came since the last sleep, or for so long. False when there is no more to do, ever.</summary>
    /// <param name="milliseconds">Or infinite.</param>
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

        // The thread is the pager's own, and waits for nothing else: an interrupt that was kept would end each sleep from now on.
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
