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
/// <remarks>The owner sets the operation and calls <see cref="Begin"/>, then <see cref="SwapDevice.Submit"/>; from there on the device
/// alone writes to it, until <see cref="IsComplete"/>. The memory of the buffer must stay until then. Waiters of one transfer must have
/// left <see cref="Wait"/> before the request begins another.</remarks>
internal unsafe class IoRequest
{
    private const int Idle = 0;
    private const int Pending = 1;
    private const int PendingWithWaiters = 2;

    private readonly Condition _completion = new();

    // Begin: Idle → Pending. A waiter: Pending → PendingWithWaiters, by CAS under the lock. Complete: either → Idle, by exchange.
    private int _state;

    internal IoOperation Operation;
    internal long Offset;
    internal byte* Buffer;
    internal int Length;

    /// <summary>Names a write of the range, and no other one of the same device, ever. A read gives the stamp of the write that it
    /// wants.</summary>
    internal ulong Stamp;

    /// <summary>0 or an error number; valid once complete.</summary>
    internal int Error;

    // What follows belongs to the device and its engine, between Submit and Complete.

    /// <summary>The next of an engine's queue.</summary>
    internal IoRequest? Next;

    /// <summary>Keeps the descriptor open while an engine has the request.</summary>
    internal SafeFileHandle? File;

    /// <summary>How far the transfer has come.</summary>
    internal TransferProgress Progress;

    /// <summary>Counts the request as under way on its device.</summary>
    internal TransferCount? Counted;

    internal bool IsComplete => Volatile.Read(ref _state) == Idle;

    /// <summary>By the submitter, before Submit.</summary>
    internal void Begin()
    {
        Debug.Assert(IsComplete && Counted is null, "a request is under way once at a time");
        Error = 0;
        Volatile.Write(ref _state, Pending);
    }

    /// <summary>By the device or its engine, exactly once per <see cref="Begin"/>.</summary>
    internal void Complete(int error)
    {
        Debug.Assert(!IsComplete, "a request completes once");
        TransferCount? counted = Counted;
        Counted = null;
        File = null;
        Next = null;
        Error = error;
        OnCompleted();

        // Releases Error, and what a read has brought, to whoever sees Idle.
        if (Interlocked.Exchange(ref _state, Idle) == PendingWithWaiters)
        {
            bool interrupted = false;
            _completion.Enter(ref interrupted);
            _completion.PulseAll();
            _completion.Exit(interrupted);
        }

        // Last: an owner that reuses the request from here on finds nothing of this transfer left to do.
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
        // Complete exchanges the state before it takes the lock: it either sees the waiter here, or is seen by it.
        while (Interlocked.CompareExchange(ref _state, PendingWithWaiters, Pending) != Idle)
        {
            _completion.Wait(ref interrupted);
        }

        _completion.Exit(interrupted);
    }

    /// <summary>The transfer is done, and waiters still wait. Runs on the engine's thread: it must neither block nor throw nor
    /// submit.</summary>
    protected virtual void OnCompleted()
    {
    }

    /// <summary>Waiters are released, and the device will not touch the request again: an owner for whom nobody waits may take it back to
    /// its pool here. The same rules as for <see cref="OnCompleted"/>.</summary>
    protected virtual void OnReleased()
    {
    }
}
