using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>The two rings that a process shares with the kernel: entries to submit, and completions.</summary>
/// <remarks>
/// <para>From <see cref="Enable"/> on, one thread uses it, and races only with the kernel. The tail of each ring has one writer, and so has
/// its head. The writer publishes by a release, and the other side reads by an acquire.</para>
/// <para>Submitters do not enter the kernel themselves, because a request belongs to the thread that has submitted it: the kernel cancels
/// the request when that thread exits, and interrupts the thread to finish it. No thread of the program should have to put up with
/// either.</para>
/// </remarks>
internal sealed unsafe class UringRing : IDisposable
{
    private const uint NeededFeatures =
        IoUring.IORING_FEAT_SINGLE_MMAP | IoUring.IORING_FEAT_NODROP | IoUring.IORING_FEAT_RW_CUR_POS | IoUring.IORING_FEAT_FAST_POLL;

    private readonly SafeFileHandle _handle;
    private readonly bool _isDisabled;
    private readonly byte* _rings;
    private readonly nuint _ringBytes;
    private readonly IoUringSqe* _submissions;
    private readonly nuint _submissionBytes;
    private readonly uint _entries;

    // The kernel moves the head as it takes entries; this process moves the tail.
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;

    // The kernel moves the tail as it adds completions; this process moves the head.
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _completionMask;
    private readonly IoUringCqe* _completions;

    // The tail, including the entries that are filled and not yet published.
    private uint _tail;

    private UringRing(
        int descriptor, in IoUringParams parameters, byte* rings, nuint ringBytes, byte* submissions, nuint submissionBytes)
    {
        _handle = new SafeFileHandle(descriptor, ownsHandle: true);
        _isDisabled = (parameters.flags & IoUring.IORING_SETUP_R_DISABLED) != 0;
        _rings = rings;
        _ringBytes = ringBytes;
        _submissions = (IoUringSqe*)submissions;
        _submissionBytes = submissionBytes;
        _entries = parameters.sq_entries;
        _submissionHead = (uint*)(rings + parameters.sq_off.head);
        _submissionTail = (uint*)(rings + parameters.sq_off.tail);
        _completionHead = (uint*)(rings + parameters.cq_off.head);
        _completionTail = (uint*)(rings + parameters.cq_off.tail);
        _completionMask = *(uint*)(rings + parameters.cq_off.ring_mask);
        _completions = (IoUringCqe*)(rings + parameters.cq_off.cqes);

        // The ring holds indices into the array of entries. Here index i always names entry i.
        uint* array = (uint*)(rings + parameters.sq_off.array);
        for (uint i = 0; i < _entries; i++)
        {
            array[i] = i;
        }
    }

    /// <summary>Makes a ring, if the system allows it.</summary>
    /// <param name="entries">A power of two. There are twice as many places for completions.</param>
    /// <param name="ring">Null if the system refuses.</param>
    /// <returns>0 or an error number: EPERM or ENOSYS where io_uring is forbidden.</returns>
    internal static int TryCreate(uint entries, out UringRing? ring)
    {
        ring = null;
        // With these flags the thread works completions off when it asks for them, and is not interrupted for them.
        IoUringParams parameters = new()
        {
            flags = IoUring.IORING_SETUP_R_DISABLED | IoUring.IORING_SETUP_SUBMIT_ALL
                | IoUring.IORING_SETUP_SINGLE_ISSUER | IoUring.IORING_SETUP_DEFER_TASKRUN,
        };
        int descriptor = Setup(entries, ref parameters, out int error);
        if (error == Errno.EINVAL)
        {
            // A kernel older than 6.1 does not know these flags.
            parameters = default;
            descriptor = Setup(entries, ref parameters, out error);
        }

        if (descriptor < 0)
        {
            return error;
        }

        if ((parameters.features & NeededFeatures) != NeededFeatures)
        {
            _ = OpenFile.close(descriptor);
            return Errno.ENOSYS;
        }

        nuint ringBytes = Math.Max(
            parameters.sq_off.array + ((nuint)parameters.sq_entries * sizeof(uint)),
            parameters.cq_off.cqes + ((nuint)parameters.cq_entries * (nuint)sizeof(IoUringCqe)));
        nuint submissionBytes = (nuint)parameters.sq_entries * (nuint)sizeof(IoUringSqe);
        byte* rings = Map(descriptor, ringBytes, IoUring.IORING_OFF_SQ_RING, ref error);
        byte* submissions = error == 0 ? Map(descriptor, submissionBytes, IoUring.IORING_OFF_SQES, ref error) : null;
        if (error != 0)
        {
            if (rings != null)
            {
                _ = MMap.munmap(rings, ringBytes);
            }

            _ = OpenFile.close(descriptor);
            return error;
        }

        ring = new UringRing(descriptor, in parameters, rings, ringBytes, submissions, submissionBytes);
        return 0;
    }

    /// <summary>Makes the calling thread the one that uses the ring.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Enable() =>
        !_isDisabled || IoUring.io_uring_register(Descriptor, IoUring.IORING_REGISTER_ENABLE_RINGS, null, 0) >= 0
            ? 0
            : Marshal.GetLastPInvokeError();

    /// <summary>The next free entry, zeroed. The caller limits what is in flight, so that there always is one.</summary>
    internal IoUringSqe* Prepare()
    {
        // Acquire; pairs with the kernel's release of the head, after which the kernel does not read the entry any more.
        Debug.Assert(_tail - Volatile.Read(ref *_submissionHead) < _entries, "more in flight than the ring has entries");
        IoUringSqe* entry = _submissions + (_tail++ & (_entries - 1));
        *entry = default;
        return entry;
    }

    /// <summary>Submits what is prepared, and blocks until there are completions to reap.</summary>
    /// <returns>0 or an error number. What the kernel did not take stays prepared.</returns>
    internal int SubmitAndWait()
    {
        // Release; pairs with the kernel's acquire of the tail, after which the kernel reads the entries.
        Volatile.Write(ref *_submissionTail, _tail);
        uint submit = _tail - Volatile.Read(ref *_submissionHead);
        return IoUring.io_uring_enter(Descriptor, submit, 1, IoUring.IORING_ENTER_GETEVENTS) >= 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    /// <summary>Takes the next completion.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryReap(out IoUringCqe completion)
    {
        uint head = *_completionHead;
        // Acquire; pairs with the kernel's release of the tail, before which the kernel has written the completion, and the buffer.
        if (head == Volatile.Read(ref *_completionTail))
        {
            completion = default;
            return false;
        }

        completion = _completions[head & _completionMask];
        // Release; pairs with the kernel's acquire of the head, after which the kernel may write to this place again.
        Volatile.Write(ref *_completionHead, head + 1);
        return true;
    }

    /// <summary>Gives the rings back. Nothing may be in flight any more.</summary>
    public void Dispose()
    {
        _ = MMap.munmap(_submissions, _submissionBytes);
        _ = MMap.munmap(_rings, _ringBytes);
        _handle.Dispose();
    }

    private int Descriptor => (int)_handle.DangerousGetHandle();

    private static int Setup(uint entries, ref IoUringParams parameters, out int error)
    {
        fixed (IoUringParams* address = &parameters)
        {
            int descriptor = IoUring.io_uring_setup(entries, address);
            error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            return descriptor;
        }
    }

    private static byte* Map(int descriptor, nuint bytes, long offset, ref int error)
    {
        void* address = MMap.mmap(null, bytes, MMap.PROT_READ | MMap.PROT_WRITE, MMap.MAP_SHARED | MMap.MAP_POPULATE, descriptor, offset);
        if (address == MMap.MAP_FAILED)
        {
            error = Marshal.GetLastPInvokeError();
            return null;
        }

        // A child must not interfere with the rings of this process.
        VirtualMemory.ExcludeFromFork((byte*)address, bytes);
        return (byte*)address;
    }
}
