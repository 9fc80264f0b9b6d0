using System.Runtime.CompilerServices;
using Paging.Diagnostics;

namespace Paging.Residency;

/// <summary>The threads that drive <see cref="PagingDomain.Step(int, out int)"/>. They do not keep their pager alive.</summary>
internal sealed class BackgroundWorker
{
    private readonly WeakReference<PagingDomain> _domain;
    private readonly WakeSignal _signal;
    private readonly int _number;
    private readonly Thread _thread;

    internal BackgroundWorker(PagingDomain domain, WakeSignal signal, int number)
    {
        _domain = new WeakReference<PagingDomain>(domain);
        _signal = signal;
        _number = number;
        _thread = new Thread(Run) { IsBackground = true, Name = $"Paging reclaim {number}" };
        _thread.UnsafeStart();
    }

    internal void Join() => _thread.Join();

    private void Run()
    {
        int wait;
        do
        {
            while (TryStep(out wait))
            {
            }
        }
        while (_signal.Sleep(wait));
    }

    // Not inlined, so that no reference to the domain lives on this thread's stack while it sleeps.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryStep(out int wait)
    {
        wait = Timeout.Infinite;
        return !_signal.IsStopped && _domain.TryGetTarget(out PagingDomain? domain) && domain.Step(_number, out wait);
    }
}
