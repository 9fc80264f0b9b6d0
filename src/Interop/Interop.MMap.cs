using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>mmap, mprotect, madvise, mlock and munmap, as the system has them: no policy, errno for an answer.</summary>
internal static unsafe partial class MMap
{
    internal const int ProtNone = 0;
    internal const int ProtRead = 1;
    internal const int ProtReadWrite = 1 | 2;
    internal const int MapShared = 1;
    internal const int MapPrivate = 2;
    internal const int AdviseDontNeed = 4;
    internal const int AdviseDontFork = 10;
    internal const int AdviseHugePage = 14;
    internal const int AdviseNoHugePage = 15;
    internal const int AdviseDontDump = 16;
    internal const int AdviseDontNeedLocked = 24;
    internal const int AdviseCollapse = 25;

    /// <summary>For <see cref="Lock"/>: pages are locked as they are touched, not brought in now.</summary>
    internal const uint LockOnFault = 1;
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    internal const int MapPopulate = 0x8000;

    /// <summary>Flags of a reservation: private memory. Under vm.overcommit_memory = 2 the system ignores the second, and counts what may
    /// be written against its limit.</summary>
    internal const int ReservationFlags = MapPrivate | MapAnonymous | MapNoReserve;

    internal static readonly void* Failed = (void*)-1;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    internal static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    internal static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "mlock2", SetLastError = true)]
    internal static partial int Lock(void* address, nuint length, uint flags);

    [LibraryImport("libc", EntryPoint = "munlock", SetLastError = true)]
    internal static partial int Unlock(void* address, nuint length);
}
