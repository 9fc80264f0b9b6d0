using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>Address space and the physical memory behind it, by the operations that the layers above need.</summary>
/// <remarks>Every range consists of whole system pages. A reservation reads as zeroes once it is committed, and again after
/// <see cref="TryDecommit"/>. Thread-safe, as the system calls are, for ranges that do not overlap.</remarks>
internal static unsafe class VirtualMemory
{
    /// <summary>Private memory. Under vm.overcommit_memory = 2 the system ignores MAP_NORESERVE, and counts everything that may be written
    /// against its limit.</summary>
    private const int ReservationFlags = MMap.MAP_PRIVATE | MMap.MAP_ANONYMOUS | MMap.MAP_NORESERVE;

    /// <summary>Whether the system is one that the constants of this assembly were checked against: Linux, 64 bits.</summary>
    internal static bool IsSupported => OperatingSystem.IsLinux() && nint.Size == 8;

    /// <summary>Bytes of a page of the system: 4096, or more on some machines.</summary>
    internal static int SystemPageBytes =>
#if PAGING_TEST_HOOKS
        AssumedPageBytes ?? Environment.SystemPageSize;

    /// <summary>For tests, what a system with larger pages would say to the calling thread.</summary>
    [field: ThreadStatic]
    internal static int? AssumedPageBytes { get; set; }
#else
        Environment.SystemPageSize;
#endif

    /// <summary>Whether the layers above may have huge pages: they count in those of 2 MiB, which is what the system has where its own pages
    /// are of 4 KiB. With pages of 16 KiB or 64 KiB it would join 32 MiB or 512 MiB, over holes that have been given back.</summary>
    private static bool HasHugePages => SystemPageBytes == 4096;

    /// <summary>Reserves <paramref name="bytes"/> of address space at a multiple of <paramref name="alignment"/>. It takes no memory,
    /// whatever the process has locked and however the system counts. No part of it may be touched before it is committed.</summary>
    /// <param name="bytes">A multiple of the system's page.</param>
    /// <param name="alignment">A power of two, at least the system's page.</param>
    /// <param name="sparse">True for a range that is touched here and there: in a process that locks its memory, only what is touched is
    /// locked. Any other range is locked as it is committed, as the process asked for.</param>
    /// <exception cref="InsufficientMemoryException">The system refuses.</exception>
    internal static byte* Reserve(nuint bytes, nuint alignment, bool sparse)
    {
        Unmapping.RetryKept();
        nuint padded = checked(bytes + alignment);
        void* raw = MMap.mmap(null, padded, MMap.PROT_NONE, ReservationFlags, -1, 0);
        if (raw == MMap.MAP_FAILED)
        {
            throw Refused((long)padded, "address space", Marshal.GetLastPInvokeError());
        }

        nuint start = ((nuint)raw + alignment - 1) & ~(alignment - 1);
        nuint head = start - (nuint)raw;
        nuint tail = padded - head - bytes;
        if (head != 0)
        {
            Unmapping.Unmap((byte*)raw, head);
        }

        if (tail != 0)
        {
            Unmapping.Unmap((byte*)start + bytes, tail);
        }

        if (sparse)
        {
            KeepUnpopulated((byte*)start, bytes);
            // Most of it is holes, and the rest would tell the reader of a dump nothing but where pages are.
            _ = MMap.madvise((byte*)start, bytes, MMap.MADV_DONTDUMP);
        }

        return (byte*)start;
    }

    /// <summary>Lets a part of a reservation be read: as zeroes, without taking memory, until it is committed.</summary>
    /// <returns>False when the system refuses, since the process has as many mappings as it may have.</returns>
    internal static bool TryMakeReadable(byte* address, nuint bytes)
    {
        AssertWholePages(address, bytes);
        return MMap.mprotect(address, bytes, MMap.PROT_READ) == 0;
    }

    /// <summary>The exception for a refusal, with the figure and where to look.</summary>
    /// <param name="bytes">How much was asked for.</param>
    /// <param name="what">What was asked for.</param>
    /// <param name="error">What the system answered; 0 when that is not known.</param>
    internal static InsufficientMemoryException Refused(long bytes, string what, int error)
    {
        string answer = error == 0 ? string.Empty : $" (errno {error})";
        return new InsufficientMemoryException(
            $"The system refused {bytes:N0} bytes of {what}{answer}. What can limit it: the process's address space (ulimit -v), "
            + "its locked memory if it locks what it maps (ulimit -l), its number of mappings (vm.max_map_count), "
            + "strict accounting (vm.overcommit_memory = 2 with vm.overcommit_ratio), and its memory cgroup. Nothing has changed.");
    }

    /// <summary>Makes a part of a reservation usable; its first touch takes physical memory.</summary>
    /// <param name="address">An address inside a reservation.</param>
    /// <param name="bytes">Whole system pages.</param>
    /// <param name="huge">True to ask for huge pages, which the system may silently refuse. False to forbid them: then only what is touched
    /// takes memory.</param>
    /// <returns>False when the system has no memory to promise.</returns>
    internal static bool TryCommit(byte* address, nuint bytes, bool huge)
    {
        AssertWholePages(address, bytes);
        if (MMap.mprotect(address, bytes, MMap.PROT_READ | MMap.PROT_WRITE) != 0)
        {
            return false;
        }

        Advise(address, bytes, huge);
        return true;
    }

    /// <summary>Sets only the advice for huge pages. A kernel without transparent huge pages answers EINVAL, which does no harm.</summary>
    internal static void Advise(byte* address, nuint bytes, bool huge)
    {
        AssertWholePages(address, bytes);
        _ = MMap.madvise(address, bytes, huge && HasHugePages ? MMap.MADV_HUGEPAGE : MMap.MADV_NOHUGEPAGE);
    }

    /// <summary>Brings in the memory of a range that is about to be written as a whole, which takes a call and not a fault a page. Kernels
    /// before 5.14 do nothing.</summary>
    internal static void Populate(byte* address, nuint bytes) => _ = MMap.madvise(address, bytes, MMap.MADV_POPULATE_WRITE);

    /// <summary>Asks for huge pages under a range that is already committed as a whole. A kernel older than 6.1, or one without a huge
    /// page to spare, leaves the range as it is.</summary>
    internal static void Collapse(byte* address, nuint bytes)
    {
        Advise(address, bytes, huge: true);
        if (HasHugePages)
        {
            _ = MMap.madvise(address, bytes, MMap.MADV_COLLAPSE);
        }
    }

    /// <summary>Leaves the range out of children that the process forks, if the system knows how.</summary>
    /// <remarks>With O_DIRECT a device accesses physical pages. After a fork, the process that touches a page first gets a copy of it. If
    /// that is the parent, the device goes on filling the page that the child now has.</remarks>
    internal static void ExcludeFromFork(byte* address, nuint bytes) => _ = MMap.madvise(address, bytes, MMap.MADV_DONTFORK);

    /// <summary>Gives the physical memory back; the range stays usable and reads as zeroes.</summary>
    /// <remarks>Part of a huge page must not be advised huge when it is given back: the system would fill the hole again when it joins what
    /// is around it. The advice is left to the caller, since each change of it within a reservation adds a mapping.</remarks>
    /// <returns>False when the system refuses, as kernels before 5.18 do for locked memory. Also false for parts of system pages, which may
    /// be larger than 4 KiB: the system would round up, and take the memory behind the range as well.</returns>
    internal static bool TryDecommit(byte* address, nuint bytes) =>
        (((nuint)address | bytes) & (nuint)(SystemPageBytes - 1)) == 0
        && (MMap.madvise(address, bytes, MMap.MADV_DONTNEED) == 0 || MMap.madvise(address, bytes, MMap.MADV_DONTNEED_LOCKED) == 0);

    /// <summary>Ends a reservation made by <see cref="Reserve"/>. Its memory is given back even where the system does not take the addresses, unless it is locked.</summary>
    internal static void Release(byte* address, nuint bytes) => Unmapping.Unmap(address, bytes);

    [Conditional("DEBUG")]
    private static void AssertWholePages(byte* address, nuint bytes) =>
        Debug.Assert((((nuint)address | bytes) & (nuint)(SystemPageBytes - 1)) == 0, "whole pages of the system");

    /// <summary>Keeps a reservation from taking memory: under mlockall(MCL_FUTURE) the system brings in every page of a mapping as soon as
    /// it may be written.</summary>
    private static void KeepUnpopulated(byte* address, nuint bytes)
    {
        if (MMap.madvise(address, bytes, MMap.MADV_DONTNEED) == 0)
        {
            return;
        }

        // Refused, because the range is locked. If locked memory could not be given back, it is better not to lock it at all.
        if (MMap.madvise(address, bytes, MMap.MADV_DONTNEED_LOCKED) != 0 || MMap.mlock2(address, bytes, MMap.MLOCK_ONFAULT) != 0)
        {
            _ = MMap.munlock(address, bytes);
        }
    }
}
