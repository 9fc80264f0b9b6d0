using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>The code of the thread of a <see cref="UringEngine"/>, and the queue that other threads fill for it.</summary>
/// <remarks>
/// <para>A submitter adds a request to the queue and, if the thread sleeps, adds to an event counter. The thread always keeps a read of
/// that counter in the ring: so it sleeps in one place, both for completions and for new requests. No wake-up is lost, because the thread
/// announces that it will sleep under the same lock under which it has found the queue empty.</para>
/// <para>At most <see cref="Depth"/> requests and that one read are in flight. The ring has as many entries, and twice as many places for
/// completions: so neither ring can be full.</para>
/// </remarks>
internal sealed unsafe class UringLoop : IDisposable
{
    /// <summary>The most requests that are in flight: the short reads of a gather all at once, or the disk would run dry between two lots of
    /// them. With the read of the counter a power of two.</summary>
    internal const int Depth = 255;

    private const uint Entries = Depth + 1;
    private const ulong WakeData = ulong.MaxValue;
    private const ulong TrialData = ulong.MaxValue - 1;

    private readonly UringRing _ring;
    private readonly SafeFileHandle _wake;
    private readonly Condition _work = new();

    // Read and written under the lock.
    private RequestQueue _queue;
    private bool _sleeping;
    private bool _stopped;
    private bool _closed;
    private int _startError = -1;

    // Used by the thread alone.
    private readonly IoRequest?[] _inFlight = new IoRequest?[Depth];
    private readonly int[] _freeSlots = new int[Depth];
    private readonly ulong* _wakeCount;
    private int _freeCount;
    private bool _wakeArmed;

    private UringLoop(UringRing ring, int wake)
    {
        _ring = ring;
        _wake = new SafeFileHandle(wake, ownsHandle: true);
        _wakeCount = (ulong*)NativeMemory.AllocZeroed(sizeof(ulong));
        for (int slot = Depth - 1; slot >= 0; slot--)
        {
            _freeSlots[_freeCount++] = slot;
        }
    }

    internal static int TryCreate(out UringLoop? loop)
    {
        loop = null;
        int error = UringRing.TryCreate(Entries, out UringRing? ring);
        if (ring is null)
        {
            return error;
        }

        int wake = EventCounter.eventfd(0, EventCounter.EFD_CLOEXEC);
        if (wake < 0)
        {
            error = Marshal.GetLastPInvokeError();
            ring.Dispose();
            return error;
        }

        loop = new UringLoop(ring, wake);
        return 0;
    }

    /// <summary>Waits until the thread has used the ring once.</summary>
    /// <returns>0, or the error number of that first use; then the thread has ended.</returns>
    internal int WaitForStart()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        while (_startError < 0)
        {
            _work.Wait(ref interrupted);
        }

        _work.Exit(interrupted);
        return _startError;
    }

    /// <summary>Adds a request, and wakes the thread if it sleeps.</summary>
    internal void Enqueue(SafeFileHandle file, IoRequest request)
    {
        bool interrupted = false;
        bool wake = false;
        _work.Enter(ref interrupted);
        bool stopped = _stopped;
        if (!stopped)
        {
            request.File = file;
            _queue.Add(request);
            wake = MustWake();
        }

        _work.Exit(interrupted);
        ObjectDisposedException.ThrowIf(stopped, typeof(UringEngine));
        if (wake)
        {
            Wake();
        }
    }

    /// <summary>Makes the thread finish what is queued, and end. May be called again.</summary>
    internal void Stop()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        bool wake = false;
        if (!_stopped)
        {
            _stopped = true;
            // Set whether the thread sleeps or not: the read of the counter has to end.
            _sleeping = true;
            wake = MustWake();
        }

        _work.Exit(interrupted);
        if (wake)
        {
            Wake();
        }
    }

    /// <summary>The code of the thread.</summary>
    internal void Run()
    {
        int error = TryStart();
        if (error == 0)
        {
            while (TryStep())
            {
            }
        }

        Dispose();
        TellStart(error);
    }

    /// <summary>Called by the thread when it ends; by the engine if there is no thread.</summary>
    public void Dispose()
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        _stopped = true;
        _closed = true;
        Debug.Assert(_queue.IsEmpty && _freeCount == Depth, "everything queued has completed");
        _work.Exit(interrupted);
        _wake.Dispose();
        _ring.Dispose();
        NativeMemory.Free(_wakeCount);
    }

    private int TryStart()
    {
        int error = _ring.Enable();
        if (error != 0)
        {
            return error;
        }

        IoUringSqe* trial = _ring.Prepare();
        trial->opcode = IoUring.IORING_OP_NOP;
        trial->user_data = TrialData;
        IoUringCqe completion;
        while (!_ring.TryReap(out completion))
        {
            error = _ring.SubmitAndWait();
            if (error is not 0 and not Errno.EINTR)
            {
                return error;
            }
        }

        if (completion.res < 0)
        {
            return -completion.res;
        }

        TellStart(0);
        return 0;
    }

    private void TellStart(int error)
    {
        bool interrupted = false;
        _work.Enter(ref interrupted);
        if (_startError < 0)
        {
            _startError = error;
            _work.PulseAll();
        }

        _work.Exit(interrupted);
    }

    /// <returns>False when there will never be more to do.</returns>
    private bool TryStep()
    {
        if (!Fill())
        {
            return false;
        }

        // While the thread sleeps here, its stack keeps no request alive: those in flight are in the table, and nowhere else.
        int error = _ring.SubmitAndWait();
        if (!Reap() && error is Errno.EAGAIN or Errno.EBUSY or Errno.ENOMEM)
        {
            // The kernel is short of memory for the moment.
            Spinner.Yield();
        }
        else if (error is not (0 or Errno.EINTR or Errno.EAGAIN or Errno.EBUSY or Errno.ENOMEM))
        {
            // Whether the kernel still uses the buffers is unknown: there is nothing true to answer to the waiting threads.
            Environment.FailFast($"io_uring_enter failed with errno {error}.");
        }

        return true;
    }

    /// <summary>Prepares the requests that have gathered, as far as there are slots.</summary>
    /// <returns>False when there will never be more to do.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Fill()
    {
        IoQueue batch = default;
        bool interrupted = false;
        _work.Enter(ref interrupted);
        int room = _freeCount;
        while (room > 0 && _queue.Start() is { } started)
        {
            batch.Add(started);
            room--;
        }

        // If there is no room, submitters need not wake the thread: a completion will.
        _sleeping = room > 0;
        bool stopped = _stopped;
        bool queued = !_queue.IsEmpty;
        _work.Exit(interrupted);

        while (batch.Take() is { } request)
        {
            int slot = _freeSlots[--_freeCount];
            _inFlight[slot] = request;
            Prepare(slot, request);
        }

        if (!_wakeArmed && !stopped)
        {
            ArmWake();
        }

        return !stopped || queued || _wakeArmed || _freeCount < Depth;
    }

    /// <returns>False when there was nothing to reap.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Reap()
    {
        bool any = false;
        while (_ring.TryReap(out IoUringCqe completion))
        {
            any = true;
            if (completion.user_data == WakeData)
            {
                _wakeArmed = false;
            }
            else
            {
                Take((int)completion.user_data, completion.res);
            }
        }

        return any;
    }

    private void Take(int slot, int result)
    {
        IoRequest request = _inFlight[slot]!;
        int error;
        if (result == -Errno.EAGAIN)
        {
            // The kernel cannot do it without blocking, and does not leave it to a thread of its own. This thread may block.
            int descriptor = (int)request.File!.DangerousGetHandle();
            error = BlockingTransfer.Continue(descriptor, request.Operation, request.Buffer, request.Offset, ref request.Progress);
        }
        else if (!request.Progress.Advance(result, out error))
        {
            Prepare(slot, request);
            return;
        }

        _inFlight[slot] = null;
        _freeSlots[_freeCount++] = slot;
        request.Complete(error);
    }

    private void Prepare(int slot, IoRequest request)
    {
        int done = request.Progress.Done;
        IoUringSqe* entry = _ring.Prepare();
        entry->opcode = request.Operation == IoOperation.Read ? IoUring.IORING_OP_READ : IoUring.IORING_OP_WRITE;
        entry->fd = (int)request.File!.DangerousGetHandle();
        entry->off = (ulong)(request.Offset + done);
        entry->addr = (ulong)(request.Buffer + done);
        entry->len = (uint)request.Progress.Remaining;
        entry->user_data = (ulong)slot;
    }

    private void ArmWake()
    {
        IoUringSqe* entry = _ring.Prepare();
        entry->opcode = IoUring.IORING_OP_READ;
        entry->fd = (int)_wake.DangerousGetHandle();
        entry->addr = (ulong)_wakeCount;
        entry->len = sizeof(ulong);
        entry->user_data = WakeData;
        _wakeArmed = true;
    }

    /// <summary>Says whether the thread must be woken, and then keeps the event counter open for <see cref="Wake"/>, which needs no lock.
    /// Under the lock.</summary>
    private bool MustWake()
    {
        if (!_sleeping || _closed)
        {
            return false;
        }

        _sleeping = false;
        bool added = false;
        _wake.DangerousAddRef(ref added);
        return added;
    }

    private void Wake()
    {
        ulong one = 1;
        nint written;
        do
        {
            written = EventCounter.write((int)_wake.DangerousGetHandle(), &one, sizeof(ulong));
        }
        while (written < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
        Debug.Assert(written == sizeof(ulong), "the event counter takes every wake-up");
        _wake.DangerousRelease();
    }
}
