using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>The two rings that a process shares with the kernel: entries to submit, and completions.</summary>
/// <remarks>
/// <para>One thread uses it, from <see cref="Enable"/> on; it races with the kernel only. Each ring has one writer of its tail and one of
/// its head, who publish by a release what the other side acquires.</para>
/// <para>Why one thread, instead of letting every submitter enter the kernel: a request belongs to the thread that submitted it. The kernel
/// cancels it when that thread exits, and interrupts that thread to finish it. No thread of a user should have to bear with either.</para>
/// </remarks>
internal sealed unsafe class UringRing : IDisposable
{
    private const uint NeededFeatures =
        IoUring.FeatureSingleMap | IoUring.FeatureNoDrop | IoUring.FeatureCurrentPosition | IoUring.FeatureFastPoll;

    private readonly SafeFileHandle _handle;
    private readonly bool _isDisabled;
    private readonly byte* _rings;
    private readonly nuint _ringBytes;
    private readonly IoUringSubmission* _submissions;
    private readonly nuint _submissionBytes;
    private readonly uint _entries;

    // The kernel moves the head as it takes entries; this process moves the tail.
    private readonly uint* _submissionHead;
    private readonly uint* _submissionTail;

    // The kernel moves the tail as it adds completions; this process moves the head.
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _completionMask;
    private readonly IoUringCompletion* _completions;

    // The tail with the entries that are filled and not yet published.
    private uint _tail;

    private UringRing(int descriptor, in IoUringParameters parameters, byte* rings, nuint ringBytes, byte* submissions, nuint submissionBytes)
    {
        _handle = new SafeFileHandle(descriptor, ownsHandle: true);
        _isDisabled = (parameters.Flags & IoUring.SetupDisabled) != 0;
        _rings = rings;
        _ringBytes = ringBytes;
        _submissions = (IoUringSubmission*)submissions;
        _submissionBytes = submissionBytes;
        _entries = parameters.SubmissionEntries;
        _submissionHead = (uint*)(rings + parameters.Submission.Head);
        _submissionTail = (uint*)(rings + parameters.Submission.Tail);
        _completionHead = (uint*)(rings + parameters.Completion.Head);
        _completionTail = (uint*)(rings + parameters.Completion.Tail);
        _completionMask = *(uint*)(rings + parameters.Completion.Mask);
        _completions = (IoUringCompletion*)(rings + parameters.Completion.Completions);

        // The ring holds indices into the array of entries; here an entry always stands at its own place.
        uint* array = (uint*)(rings + parameters.Submission.Array);
        for (uint i = 0; i < _entries; i++)
        {
            array[i] = i;
        }
    }

    /// <param name="entries">A power of two. There are twice as many places for completions.</param>
    /// <param name="ring">Null where the system refuses.</param>
    /// <returns>0 or an error number: EPERM or ENOSYS where io_uring is forbidden.</returns>
    internal static int TryCreate(uint entries, out UringRing? ring)
    {
        ring = null;
        // Completions are then worked off by the one thread when it asks for them, and not by interrupting it.
        IoUringParameters parameters = new()
        {
            Flags = IoUring.SetupDisabled | IoUring.SetupSubmitAll | IoUring.SetupSingleIssuer | IoUring.SetupDeferTaskRun,
        };
        int descriptor = Setup(entries, ref parameters, out int error);
        if (error == Errno.Invalid)
        {
            // A kernel older than 6.1 knows no such flags.
            parameters = default;
            descriptor = Setup(entries, ref parameters, out error);
        }

        if (descriptor < 0)
        {
            return error;
        }

        if ((parameters.Features & NeededFeatures) != NeededFeatures)
        {
            _ = OpenFile.Close(descriptor);
            return Errno.NoSystemCall;
        }

        nuint ringBytes = Math.Max(
            parameters.Submission.Array + ((nuint)parameters.SubmissionEntries * sizeof(uint)),
            parameters.Completion.Completions + ((nuint)parameters.CompletionEntries * (nuint)sizeof(IoUringCompletion)));
        nuint submissionBytes = (nuint)parameters.SubmissionEntries * (nuint)sizeof(IoUringSubmission);
        byte* rings = Map(descriptor, ringBytes, IoUring.MapRings, ref error);
        byte* submissions = error == 0 ? Map(descriptor, submissionBytes, IoUring.MapSubmissions, ref error) : null;
        if (error != 0)
        {
            if (rings != null)
            {
                _ = MMap.Unmap(rings, ringBytes);
            }

            _ = OpenFile.Close(descriptor);
            return error;
        }

        ring = new UringRing(descriptor, in parameters, rings, ringBytes, submissions, submissionBytes);
        return 0;
    }

    /// <summary>Makes the calling thread the one that uses the ring.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Enable() =>
        !_isDisabled || IoUring.Register(Descriptor, IoUring.RegisterEnableRings, null, 0) >= 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>The next free entry, zeroed. Its caller bounds what is in flight, so that there always is one.</summary>
    internal IoUringSubmission* Prepare()
    {
        // Acquire; pairs with the kernel's release of the head, after which it reads the entry no more.
        Debug.Assert(_tail - Volatile.Read(ref *_submissionHead) < _entries, "more in flight than the ring has entries");
        IoUringSubmission* entry = _submissions + (_tail++ & (_entries - 1));
        *entry = default;
        return entry;
    }

    /// <summary>Submits what is prepared, and blocks until there are completions to reap.</summary>
    /// <returns>0 or an error number. What the kernel did not take stays prepared.</returns>
    internal int SubmitAndWait()
    {
        // Release; pairs with the kernel's acquire of the tail, before it reads the entries.
        Volatile.Write(ref *_submissionTail, _tail);
        uint submit = _tail - Volatile.Read(ref *_submissionHead);
        return IoUring.Enter(Descriptor, submit, 1, IoUring.EnterGetEvents) >= 0 ? 0 : Marshal.GetLastPInvokeError();
    }

    internal bool TryReap(out IoUringCompletion completion)
    {
        uint head = *_completionHead;
        // Acquire; pairs with the kernel's release of the tail, before which it wrote the completion, and into the buffer.
        if (head == Volatile.Read(ref *_completionTail))
        {
            completion = default;
            return false;
        }

        completion = _completions[head & _completionMask];
        // Release; pairs with the kernel's acquire of the head, before it writes to this place again.
        Volatile.Write(ref *_completionHead, head + 1);
        return true;
    }

    /// <summary>Nothing is in flight any more.</summary>
    public void Dispose()
    {
        _ = MMap.Unmap(_submissions, _submissionBytes);
        _ = MMap.Unmap(_rings, _ringBytes);
        _handle.Dispose();
    }

    private int Descriptor => (int)_handle.DangerousGetHandle();

    private static int Setup(uint entries, ref IoUringParameters parameters, out int error)
    {
        fixed (IoUringParameters* address = &parameters)
        {
            int descriptor = IoUring.Setup(entries, address);
            error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            return descriptor;
        }
    }

    private static byte* Map(int descriptor, nuint bytes, long offset, ref int error)
    {
        void* address = MMap.Map(null, bytes, MMap.ProtReadWrite, MMap.MapShared | MMap.MapPopulate, descriptor, offset);
        if (address == MMap.Failed)
        {
            error = Marshal.GetLastPInvokeError();
            return null;
        }

        // A child must not meddle with this process's rings.
        _ = VirtualMemory.ExcludeFromFork((byte*)address, bytes);
        return (byte*)address;
    }
}
