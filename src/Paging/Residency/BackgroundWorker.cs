using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Interop;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The threads that drive <see cref="PagingDomain.Step(int, out int)"/>. They do not keep their pager alive.</summary>
internal sealed class BackgroundWorker
{
    /// <summary>Milliseconds until the next try when the system had no memory for a step.</summary>
    private const int WithoutMemory = 100;

    /// <summary>Looks in vain, while a reader is being followed, before the thread sleeps; and iterations of <see cref="Thread.SpinWait"/>
    /// in between. Together they take about as long as it takes to wake a thread.</summary>
    private const int MaxLooks = 32;
    private const int BetweenLooks = 32;

    private readonly WeakReference<PagingDomain> _domain;
    private readonly WakeSignal _signal;
    private readonly int _number;
    private readonly Thread _thread;
    private int _looks;
    private NapPace _pace;

    internal BackgroundWorker(PagingDomain domain, WakeSignal signal, int number)
    {
        _domain = new WeakReference<PagingDomain>(domain);
        _signal = signal;
        _number = number;
        int count = domain.Options.BackgroundThreads;
        _thread = Threads.Start(
            Run,
            $"Paging reclaim {number}",
            $"PagerOptions.BackgroundThreads = {count:N0} asks for {count:N0} to reclaim in the background, "
                + $"of which {number:N0} have started");
    }

    internal void Join() => Uninterrupted.Join(_thread);

    private void Run()
    {
        // So that naps end on time.
        TimerSlack.Set(nanoseconds: 1000);
        int wait;
        do
        {
            while (TryStep(out wait, out int nap) || nap > 0)
            {
                if (nap > 0)
                {
                    _signal.Nap(nap);
                }
            }
        }
        while (_signal.Sleep(wait));
    }

    // Not inlined, so that no reference to the domain stays on this thread's stack while it sleeps.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryStep(out int wait, out int nap)
    {
        wait = Timeout.Infinite;
        nap = 0;
        try
        {
            if (_signal.IsStopped || !_domain.TryGetTarget(out PagingDomain? domain))
            {
                return false;
            }

            if (domain.Step(_number, out wait) ? HasWorked() : StaysAwake(domain))
            {
                return true;
            }

            // One of the threads, which is enough to evict clean pages.
            if (_number == 0 && WakeSignal.CanNap)
            {
                int next = _pace.Next(Stopwatch.GetElapsedTime(0).TotalMicroseconds, domain.Reclaimer.TakeShareUsed());
                nap = wait == Timeout.Infinite ? next : (int)Math.Min(next, wait * 1000L);
            }

            return false;
        }
        catch (OutOfMemoryException)
        {
            // The step has undone what it began. A thread that needs a page makes room itself meanwhile, and is told if there is no memory
            // for that either.
            wait = WithoutMemory;
            return false;
        }
    }

    private bool HasWorked()
    {
        _looks = 0;
        return true;
    }

    /// <summary>Whether the thread looks once more instead of sleeping: a reader that it reads ahead for goes on every few microseconds, and
    /// would have to wake it each time.</summary>
    private bool StaysAwake(PagingDomain domain)
    {
        if (_looks >= MaxLooks || Environment.ProcessorCount == 1 || !domain.Prefetcher.Readahead.IsActive)
        {
            return false;
        }

        _looks++;
        Thread.SpinWait(BetweenLooks);
        return true;
    }
}
