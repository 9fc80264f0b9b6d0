using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Paging.Swap.Devices;

internal enum IoOperation : byte
{
    Read,
    Write,
}

/// <summary>One asynchronous transfer. Its owner pools it; nothing here allocates after construction.</summary>
/// <remarks>The owner sets the operation, and calls <see cref="Begin"/> and then <see cref="SwapDevice.Submit"/>. From then on only the
/// device writes to the request, until <see cref="IsComplete"/>; the memory of the buffer must stay for as long. An owner that wants to
/// know when that is overrides <see cref="OnCompleted"/> or <see cref="OnReleased"/>.</remarks>
internal unsafe class IoRequest
{
    /// <summary>Begin: false → true, by the submitter. Complete: true → false, by the device.</summary>
    private bool _isPending;

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

    /// <summary>Where a long read waits for its turn; null for what may begin at once.</summary>
    internal LongReadWindow? Window;

    /// <summary>Bytes of the window that it has, once it has begun.</summary>
    internal int WindowBytes;

    internal bool IsComplete => !Volatile.Read(ref _isPending);

    /// <summary>To be called by the submitter, before Submit.</summary>
    internal void Begin()
    {
        Debug.Assert(IsComplete && Counted is null, "a request is under way once at a time");
        Error = 0;
        Volatile.Write(ref _isPending, true);
    }

    /// <summary>To be called by the device or its engine, exactly once for each <see cref="Begin"/>.</summary>
    internal void Complete(int error)
    {
        Debug.Assert(!IsComplete, "a request completes once");
        TransferCount? counted = Counted;
        if (WindowBytes > 0)
        {
            Window!.Exit(WindowBytes);
            WindowBytes = 0;
        }

        Counted = null;
        Window = null;
        File = null;
        Next = null;
        Error = error;
        OnCompleted();

        // Releases Error, and what a read has brought, to a thread that sees the request complete.
        Volatile.Write(ref _isPending, false);

        // Last: from here on the owner may use the request again, and nothing of this transfer is left to be done to it.
        OnReleased();
        counted?.Exit();
    }

    /// <summary>Called when the transfer is done, and the request not complete yet. Runs on the thread of the engine: it must not block,
    /// throw or submit.</summary>
    protected virtual void OnCompleted()
    {
    }

    /// <summary>Called when the request is complete, and the device will not touch it again: its owner may take it back to its pool here.
    /// The rules are those of <see cref="OnCompleted"/>.</summary>
    protected virtual void OnReleased()
    {
    }
}
