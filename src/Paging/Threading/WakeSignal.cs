using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Interop;

namespace Paging.Threading;

/// <summary>Wakes sleeping background threads. A second request, before a thread has taken the first, costs a load.</summary>
/// <remarks>
/// No request is lost. The requester sets the request and then checks for sleepers; a thread that goes to sleep counts itself as a
/// sleeper and then checks for a request. Both have a full fence in between.
///
/// One of the threads may nap instead: it comes back by itself within microseconds, so that who has something for it that can wait for as
/// long need not wake it, which is a system call. Requests end a nap as they end a sleep.
/// </remarks>
internal sealed unsafe class WakeSignal
{
    private const int Awake = 0;
    private const int Napping = 1;

    /// <summary>A nap that ends within this time is not ended: waking a thread takes a fraction of it, and the thread has yet to come. In units of
    /// the clock.</summary>
    private static readonly long s_soon = Stopwatch.Frequency / 10_000;

    /// <summary>One word, that a thread naps on. Pinned, and as long as a cache line.</summary>
    private readonly int[] _nap = GC.AllocateArray<int>(CacheLine.Bytes / sizeof(int), pinned: true);

    private readonly Condition _condition = new();

    /// <summary>When the nap ends, a timestamp: a hint. Written by the thread that naps, before it says so.</summary>
    private long _napEnds;
    private int _requested;
    private int _sleeping;
    private bool _stopped;

    internal bool IsStopped => Volatile.Read(ref _stopped);

    /// <summary>Whether threads can nap on this system.</summary>
    internal static bool CanNap => Futex.IsSupported;

    /// <summary>Whether a thread naps.</summary>
    internal bool HasNapper => Volatile.Read(ref _nap[0]) == Napping;

    /// <summary>Whether the napping thread comes back sooner by itself than it would by being woken, about.</summary>
    internal bool IsBackSoon => Volatile.Read(ref _napEnds) - Stopwatch.GetTimestamp() < s_soon;

    private int* NapWord => (int*)Unsafe.AsPointer(ref _nap[0]);

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

    /// <summary>Sleeps for some microseconds, or until <see cref="Wake"/> is called, unless it was called since the last sleep. By one
    /// thread.</summary>
    internal void Nap(int microseconds)
    {
        Volatile.Write(ref _napEnds, Stopwatch.GetTimestamp() + (long)(microseconds * (Stopwatch.Frequency / 1e6)));

        // Awake → Napping, and back, by this thread; Napping → Awake by exchange of who wakes it. Pairs with the request in Wake: either this
        // thread sees it, or the requester sees that this thread naps.
        Interlocked.Exchange(ref _nap[0], Napping);
        Fences.AfterInterlocked();
        if (!IsStopped && Interlocked.Exchange(ref _requested, 0) == 0)
        {
            Futex.Wait(NapWord, Napping, microseconds);
        }

        Volatile.Write(ref _nap[0], Awake);
    }

    internal void Wake()
    {
        if (Volatile.Read(ref _requested) != 0 || Interlocked.Exchange(ref _requested, 1) != 0)
        {
            return;
        }

        // Pairs with the increment in Sleep, and with the exchange in Nap.
        Fences.AfterInterlocked();
        if (Volatile.Read(ref _sleeping) != 0)
        {
            Pulse(all: false);
        }
        else
        {
            EndNap();
        }
    }

    internal void Stop()
    {
        Volatile.Write(ref _stopped, true);
        Pulse(all: true);

        // Pairs with the exchange in Nap.
        Interlocked.MemoryBarrier();
        EndNap();
    }

    private void EndNap()
    {
        if (HasNapper && Interlocked.Exchange(ref _nap[0], Awake) == Napping)
        {
            Futex.Wake(NapWord);
        }
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
