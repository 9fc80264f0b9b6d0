using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>The system calls and structures of io_uring (linux/io_uring.h), without a library in between.</summary>
/// <remarks>glibc has no functions for them. Their numbers are the same on x64 and Arm64.</remarks>
internal static unsafe partial class IoUring
{
    internal const byte IORING_OP_NOP = 0;
    internal const byte IORING_OP_READ = 22;
    internal const byte IORING_OP_WRITE = 23;

    internal const uint IORING_SETUP_R_DISABLED = 1 << 6;
    internal const uint IORING_SETUP_SUBMIT_ALL = 1 << 7;
    internal const uint IORING_SETUP_SINGLE_ISSUER = 1 << 12;
    internal const uint IORING_SETUP_DEFER_TASKRUN = 1 << 13;

    internal const uint IORING_FEAT_SINGLE_MMAP = 1 << 0;
    internal const uint IORING_FEAT_NODROP = 1 << 1;
    internal const uint IORING_FEAT_RW_CUR_POS = 1 << 3;
    internal const uint IORING_FEAT_FAST_POLL = 1 << 5;

    internal const uint IORING_ENTER_GETEVENTS = 1;
    internal const uint IORING_REGISTER_ENABLE_RINGS = 12;

    internal const long IORING_OFF_SQ_RING = 0;
    internal const long IORING_OFF_SQES = 0x10000000;

    private const int SYS_io_uring_setup = 425;
    private const int SYS_io_uring_enter = 426;
    private const int SYS_io_uring_register = 427;

    /// <returns>The descriptor of the ring, or −1.</returns>
    internal static int io_uring_setup(uint entries, IoUringParams* parameters) =>
        (int)SystemCall.syscall(SYS_io_uring_setup, (nint)entries, (nint)parameters, 0, 0, 0, 0);

    /// <summary>Submits. With IORING_ENTER_GETEVENTS, blocks until there are <paramref name="minComplete"/> completions.</summary>
    /// <returns>How many were submitted, or −1.</returns>
    internal static int io_uring_enter(int ring, uint toSubmit, uint minComplete, uint flags) =>
        (int)SystemCall.syscall(SYS_io_uring_enter, ring, (nint)toSubmit, (nint)minComplete, (nint)flags, 0, 0);

    /// <returns>0 or more, or −1.</returns>
    internal static int io_uring_register(int ring, uint opcode, void* argument, uint count) =>
        (int)SystemCall.syscall(SYS_io_uring_register, ring, (nint)opcode, (nint)argument, (nint)count, 0, 0);
}

/// <summary>struct io_uring_params: 120 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoUringParams
{
    internal uint sq_entries;
    internal uint cq_entries;
    internal uint flags;
    internal uint sq_thread_cpu;
    internal uint sq_thread_idle;
    internal uint features;
    internal uint wq_fd;
    internal fixed uint resv[3];
    internal IoSqringOffsets sq_off;
    internal IoCqringOffsets cq_off;
}

/// <summary>struct io_sqring_offsets: where the words of the submission ring lie in its mapping.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoSqringOffsets
{
    internal uint head;
    internal uint tail;
    internal uint ring_mask;
    internal uint ring_entries;
    internal uint flags;
    internal uint dropped;
    internal uint array;
    internal uint resv1;
    internal ulong user_addr;
}

/// <summary>struct io_cqring_offsets: where the words of the completion ring lie in its mapping.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoCqringOffsets
{
    internal uint head;
    internal uint tail;
    internal uint ring_mask;
    internal uint ring_entries;
    internal uint overflow;
    internal uint cqes;
    internal uint flags;
    internal uint resv1;
    internal ulong user_addr;
}

/// <summary>struct io_uring_sqe, a submission, as far as reads and writes need it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct IoUringSqe
{
    [FieldOffset(0)]
    internal byte opcode;

    [FieldOffset(4)]
    internal int fd;

    [FieldOffset(8)]
    internal ulong off;

    [FieldOffset(16)]
    internal ulong addr;

    [FieldOffset(24)]
    internal uint len;

    [FieldOffset(32)]
    internal ulong user_data;
}

/// <summary>struct io_uring_cqe, a completion.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct IoUringCqe
{
    [FieldOffset(0)]
    internal ulong user_data;

    /// <summary>Bytes transferred, or an error number, negated.</summary>
    [FieldOffset(8)]
    internal int res;
}
