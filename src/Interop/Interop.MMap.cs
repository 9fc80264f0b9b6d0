using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>mmap, mprotect, madvise, mlock2 and their inverses, as the system has them: without policy; errors are left in errno.</summary>
internal static unsafe partial class MMap
{
    internal const int PROT_NONE = 0;
    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;

    internal const int MAP_SHARED = 1;
    internal const int MAP_PRIVATE = 2;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_NORESERVE = 0x4000;
    internal const int MAP_POPULATE = 0x8000;

    internal const int MADV_DONTNEED = 4;
    internal const int MADV_DONTFORK = 10;
    internal const int MADV_HUGEPAGE = 14;
    internal const int MADV_NOHUGEPAGE = 15;
    internal const int MADV_DONTDUMP = 16;
    internal const int MADV_POPULATE_WRITE = 23;
    internal const int MADV_DONTNEED_LOCKED = 24;
    internal const int MADV_COLLAPSE = 25;

    /// <summary>For <see cref="mlock2"/>: pages are locked as they are touched, and not brought in at once.</summary>
    internal const uint MLOCK_ONFAULT = 1;

    internal static readonly void* MAP_FAILED = (void*)-1;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial void* mmap(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int mprotect(void* address, nuint length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int madvise(void* address, nuint length, int advice);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int mlock2(void* address, nuint length, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int munlock(void* address, nuint length);
}
