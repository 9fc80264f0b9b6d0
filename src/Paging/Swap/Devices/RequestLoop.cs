using System.Runtime.CompilerServices;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A queue of requests, and the code of the threads that empty it.</summary>
/// <remarks>Any thread may add, or stop it. The threads know this object and not its owner, so that an owner that is dropped is finalized,
/// and then stops them.</remarks>
internal abstract class RequestLoop
{
    private const int StackBytes = 256 << 10;

    private readonly Condition _work = new();

    // Both are read and written under the lock.
    private RequestQueue _queue;
    private bool _stopped;

    /// <summary>Starts one of the threads.</summary>
    /// <exception cref="InsufficientMemoryException">The system gives no thread.</exception>
    // A thread runs a method of this object, not of the owner, which it must not keep alive.
    internal Thread StartThread(string name, string neededFor) => Threads.Start(Run, name, neededFor, StackBytes);

    /// <summary>Adds a request.</summary>
    /// <returns>False once the loop has been stopped; then the request is as it was.</returns>
    internal bool TryAdd(IoRequest request)
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        bool stopped = _stopped;
        if (!stopped)
        {
            _queue.Add(request);
            _work.Pulse();
        }

        _work.Exit(interrupted);
        return !stopped;
    }

    /// <summary>Makes the threads finish what is queued, and end. May be called again.</summary>
    internal void Stop()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        _stopped = true;
        _work.PulseAll();
        _work.Exit(interrupted);
    }

    /// <summary>Carries out a request, or hands it on. Runs on one of the threads, without the lock. Must not throw.</summary>
    protected abstract void Process(IoRequest request);

    private void Run()
    {
        while (TryStep())
        {
        }
    }

    // Not inlined: otherwise the stack of a thread that sleeps could keep a request alive, and with it a pager.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryStep()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        IoRequest? request;
        while ((request = _queue.Start()) is null && !_stopped)
        {
            _work.Wait(ref interrupted);
        }

        if (request is not null && _queue.MayStart)
        {
            // The end of this thread's last transfer may have made room for more than one.
            _work.Pulse();
        }

        // After Stop a thread may end while long reads still wait for room: the thread whose read ends next comes back here and starts them.
        _work.Exit(interrupted);
        if (request is null)
        {
            return false;
        }

        Process(request);
        return true;
    }
}
