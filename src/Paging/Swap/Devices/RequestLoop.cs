using System.Runtime.CompilerServices;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A queue of requests, and what the threads run that empty it.</summary>
/// <remarks>Any thread adds and stops. The threads know this object and not its owner, so that an owner that is dropped is finalized, and
/// stops them.</remarks>
internal abstract class RequestLoop
{
    private const int StackBytes = 256 << 10;

    private readonly Condition _work = new();

    // Both under the lock.
    private IoQueue _queue;
    private bool _stopped;

    /// <exception cref="InsufficientMemoryException">The system gives no thread.</exception>
    // A method of this object: the thread must not keep the owner alive.
    internal Thread StartThread(string name, string neededFor) => Threads.Start(Run, name, neededFor, StackBytes);

    /// <returns>False once it has been stopped; the request is untouched.</returns>
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

    /// <summary>The threads finish what is queued, and end. May be called again.</summary>
    internal void Stop()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        _stopped = true;
        _work.PulseAll();
        _work.Exit(interrupted);
    }

    /// <summary>Carries out a request, or hands it on. On one of the threads, without the lock; it must not throw.</summary>
    protected abstract void Process(IoRequest request);

    private void Run()
    {
        while (TryStep())
        {
        }
    }

    // Not inlined, so that no request, and with it no pager, lives on this thread's stack while it sleeps.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryStep()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        while (_queue.IsEmpty && !_stopped)
        {
            _work.Wait(ref interrupted);
        }

        IoRequest? request = _queue.Take();
        _work.Exit(interrupted);
        if (request is null)
        {
            return false;
        }

        Process(request);
        return true;
    }
}
