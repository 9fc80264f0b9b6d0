using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>io_uring's system calls and structures (linux/io_uring.h), without a library in between.</summary>
/// <remarks>glibc has no functions for them. Their numbers are the same on x64 and Arm64.</remarks>
internal static unsafe partial class IoUring
{
    internal const byte OperationNop = 0;
    internal const byte OperationRead = 22;
    internal const byte OperationWrite = 23;

    internal const uint SetupDisabled = 1 << 6;
    internal const uint SetupSubmitAll = 1 << 7;
    internal const uint SetupSingleIssuer = 1 << 12;
    internal const uint SetupDeferTaskRun = 1 << 13;

    internal const uint FeatureSingleMap = 1 << 0;
    internal const uint FeatureNoDrop = 1 << 1;
    internal const uint FeatureCurrentPosition = 1 << 3;
    internal const uint FeatureFastPoll = 1 << 5;

    internal const uint EnterGetEvents = 1;
    internal const uint RegisterEnableRings = 12;

    internal const long MapRings = 0;
    internal const long MapSubmissions = 0x10000000;

    private const int SetupNumber = 425;
    private const int EnterNumber = 426;
    private const int RegisterNumber = 427;

    /// <returns>The ring's descriptor, or −1.</returns>
    internal static int Setup(uint entries, IoUringParameters* parameters) =>
        (int)SystemCall(SetupNumber, (nint)entries, (nint)parameters, 0, 0, 0, 0);

    /// <summary>Submits, and blocks until <paramref name="complete"/> completions are there if asked for events.</summary>
    /// <returns>How many were submitted, or −1.</returns>
    internal static int Enter(int ring, uint submit, uint complete, uint flags) =>
        (int)SystemCall(EnterNumber, ring, (nint)submit, (nint)complete, (nint)flags, 0, 0);

    internal static int Register(int ring, uint operation, void* argument, uint count) =>
        (int)SystemCall(RegisterNumber, ring, (nint)operation, (nint)argument, (nint)count, 0, 0);

    // Variadic in C; Linux passes integer arguments of such functions in registers like any others, on both processors.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);
}

/// <summary>struct io_uring_params: 120 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoUringParameters
{
    internal uint SubmissionEntries;
    internal uint CompletionEntries;
    internal uint Flags;
    internal uint ThreadProcessor;
    internal uint ThreadIdle;
    internal uint Features;
    internal uint WorkQueue;
    internal fixed uint Reserved[3];
    internal IoUringSubmissionOffsets Submission;
    internal IoUringCompletionOffsets Completion;
}

/// <summary>struct io_sqring_offsets: where the words of the submission ring lie in its mapping.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringSubmissionOffsets
{
    internal uint Head;
    internal uint Tail;
    internal uint Mask;
    internal uint Entries;
    internal uint Flags;
    internal uint Dropped;
    internal uint Array;
    internal uint Reserved;
    internal ulong UserAddress;
}

/// <summary>struct io_cqring_offsets: where the words of the completion ring lie in its mapping.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoUringCompletionOffsets
{
    internal uint Head;
    internal uint Tail;
    internal uint Mask;
    internal uint Entries;
    internal uint Overflow;
    internal uint Completions;
    internal uint Flags;
    internal uint Reserved;
    internal ulong UserAddress;
}

/// <summary>struct io_uring_sqe, for reads and writes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct IoUringSubmission
{
    [FieldOffset(0)]
    internal byte Operation;

    [FieldOffset(4)]
    internal int Descriptor;

    [FieldOffset(8)]
    internal ulong Offset;

    [FieldOffset(16)]
    internal ulong Address;

    [FieldOffset(24)]
    internal uint Length;

    [FieldOffset(32)]
    internal ulong UserData;
}

/// <summary>struct io_uring_cqe.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct IoUringCompletion
{
    [FieldOffset(0)]
    internal ulong UserData;

    /// <summary>Bytes transferred, or an error number, negated.</summary>
    [FieldOffset(8)]
    internal int Result;
}
