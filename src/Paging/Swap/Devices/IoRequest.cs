using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Paging.Threading;

namespace Paging.Swap.Devices;

internal enum IoOperation : byte
{
    Read,
    Write,
}

/// <summary>One asynchronous transfer. Its owner pools it; nothing here allocates after construction.</summary>
/// <remarks>The owner sets the operation, and calls <see cref="Begin"/> and then <see cref="SwapDevice.Submit"/>. From then on only the
/// device writes to the request, until <see cref="IsComplete"/>; the memory of the buffer must stay for as long. Threads that wait for one
/// transfer must have left <see cref="Wait"/> before the request begins another.</remarks>
internal unsafe class IoRequest
{
    private const int Idle = 0;
    private const int Pending = 1;
    private const int PendingWithWaiters = 2;

    private readonly Condition _completion = new();

    // Begin: Idle → Pending. A waiter: Pending → PendingWithWaiters, by CAS under the lock. Complete: either of them → Idle, by exchange.
    private int _state;

    internal IoOperation Operation;
    internal long Offset;
    internal byte* Buffer;
    internal int Length;

    /// <summary>Names a write of the range. No other write of the device has this stamp, ever. A read gives the stamp of the write that it
    /// wants.</summary>
    internal ulong Stamp;

    /// <summary>0 or an error number; valid once complete.</summary>
    internal int Error;

    // The following fields belong to the device and its engine, from Submit to Complete.

    /// <summary>The next request in the queue of an engine.</summary>
    internal IoRequest? Next;

    /// <summary>The file; it keeps the descriptor open while an engine has the request.</summary>
    internal SafeFileHandle? File;

    /// <summary>How far the transfer has come.</summary>
    internal TransferProgress Progress;

    /// <summary>Counts the request as under way on its device.</summary>
    internal TransferCount? Counted;

    internal bool IsComplete => Volatile.Read(ref _state) == Idle;

    /// <summary>To be called by the submitter, before Submit.</summary>
    internal void Begin()
    {
        Debug.Assert(IsComplete && Counted is null, "a request is under way once at a time");
        Error = 0;
        Volatile.Write(ref _state, Pending);
    }

    /// <summary>To be called by the device or its engine, exactly once for each <see cref="Begin"/>.</summary>
    internal void Complete(int error)
    {
        Debug.Assert(!IsComplete, "a request completes once");
        TransferCount? counted = Counted;
        Counted = null;
        File = null;
        Next = null;
        Error = error;
        OnCompleted();

        // Releases Error, and what a read has brought, to a thread that sees Idle.
        if (Interlocked.Exchange(ref _state, Idle) == PendingWithWaiters)
        {
            bool interrupted = false;
            _completion.Enter(ref interrupted);
            _completion.PulseAll();
            _completion.Exit(interrupted);
        }

        // Last: from here on the owner may use the request again, and nothing of this transfer is left to be done to it.
        OnReleased();
        counted?.Exit();
    }

    /// <summary>Blocks the thread until the transfer has completed.</summary>
    internal void Wait()
    {
        if (IsComplete)
        {
            return;
        }

        bool interrupted = false;
        _completion.Enter(ref interrupted);
        // Complete exchanges the state before it takes the lock: either it sees that there is a waiter, or the waiter sees the exchange.
        while (Interlocked.CompareExchange(ref _state, PendingWithWaiters, Pending) != Idle)
        {
            _completion.Wait(ref interrupted);
        }

        _completion.Exit(interrupted);
    }

    /// <summary>Called when the transfer is done, while waiters still wait. Runs on the thread of the engine: it must not block, throw or
    /// submit.</summary>
    protected virtual void OnCompleted()
    {
    }

    /// <summary>Called when waiters are released, and the device will not touch the request again. If no thread waits for the request, its
    /// owner may take it back to its pool here. The rules are those of <see cref="OnCompleted"/>.</summary>
    protected virtual void OnReleased()
    {
    }
}
