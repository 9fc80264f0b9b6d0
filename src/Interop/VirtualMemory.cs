using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>Address space and the physical memory behind it, in the verbs that the layers above need.</summary>
/// <remarks>Every range is whole system pages. A reservation reads as zeroes once it is committed, and again after
/// <see cref="TryDecommit"/>. Thread-safe, as the system calls are, for ranges that do not overlap.</remarks>
internal static unsafe class VirtualMemory
{
    /// <summary>What the constants of <see cref="MMap"/> were checked against: Linux, 64 bits.</summary>
    internal static bool IsSupported => OperatingSystem.IsLinux() && nint.Size == 8;

    internal static int SystemPageBytes => Environment.SystemPageSize;

    /// <summary>Reserves <paramref name="bytes"/> of address space at a multiple of <paramref name="alignment"/>. It costs nothing,
    /// whatever the process has locked and however the system counts, and nothing of it may be touched until it is committed.</summary>
    /// <param name="bytes">A multiple of the system's page.</param>
    /// <param name="alignment">A power of two, at least the system's page.</param>
    /// <param name="sparse">True for what is touched here and there: in a process that locks its memory, only what is touched is locked.
    /// The rest is locked as it is committed, as the process asked for.</param>
    /// <exception cref="InsufficientMemoryException">The system refuses.</exception>
    internal static byte* Reserve(nuint bytes, nuint alignment, bool sparse)
    {
        nuint padded = checked(bytes + alignment);
        void* raw = MMap.Map(null, padded, MMap.ProtNone, MMap.ReservationFlags, -1, 0);
        if (raw == MMap.Failed)
        {
            throw Refused((long)padded, "address space", Marshal.GetLastPInvokeError());
        }

        nuint start = ((nuint)raw + alignment - 1) & ~(alignment - 1);
        nuint head = start - (nuint)raw;
        nuint tail = padded - head - bytes;
        if (head != 0)
        {
            Check(MMap.Unmap(raw, head), "munmap");
        }

        if (tail != 0)
        {
            Check(MMap.Unmap((byte*)start + bytes, tail), "munmap");
        }

        if (sparse)
        {
            KeepUnpopulated((byte*)start, bytes);
            // Most of it is holes. What a dump could show of the rest is words that say which page is where.
            _ = MMap.Advise((byte*)start, bytes, MMap.AdviseDontDump);
        }

        return (byte*)start;
    }

    /// <summary>Lets a part of a reservation be read: as zeroes, without taking memory, until it is committed.</summary>
    /// <returns>False when the system refuses: the process has as many mappings as it can have.</returns>
    internal static bool TryMakeReadable(byte* address, nuint bytes) => MMap.Protect(address, bytes, MMap.ProtRead) == 0;

    /// <summary>The exception for a refusal, with the figure and where to look.</summary>
    /// <param name="bytes">What was asked for.</param>
    /// <param name="what">Of what.</param>
    /// <param name="error">What the system answered; 0 when that is not known.</param>
    internal static InsufficientMemoryException Refused(long bytes, string what, int error)
    {
        string answer = error == 0 ? string.Empty : $" (errno {error})";
        return new InsufficientMemoryException(
            $"The system refused {bytes:N0} bytes of {what}{answer}. What can limit it: the process's address space (ulimit -v), its locked memory if it locks what it maps " +
            "(ulimit -l), its number of mappings (vm.max_map_count), strict accounting (vm.overcommit_memory = 2 with vm.overcommit_ratio), and its memory cgroup. Nothing has changed.");
    }

    /// <summary>Makes a part of a reservation usable; its first touch takes physical memory.</summary>
    /// <param name="address">Inside a reservation.</param>
    /// <param name="bytes">Whole system pages.</param>
    /// <param name="huge">Asks for huge pages, which the system may refuse silently; false forbids them, so that what is
    /// touched is what is taken.</param>
    /// <returns>False when the system has no memory to promise.</returns>
    internal static bool TryCommit(byte* address, nuint bytes, bool huge)
    {
        if (MMap.Protect(address, bytes, MMap.ProtReadWrite) != 0)
        {
            return false;
        }

        Advise(address, bytes, huge);
        return true;
    }

    /// <summary>Sets the huge-page advice alone. A kernel without transparent huge pages answers EINVAL, which is no loss.</summary>
    internal static void Advise(byte* address, nuint bytes, bool huge) =>
        _ = MMap.Advise(address, bytes, huge ? MMap.AdviseHugePage : MMap.AdviseNoHugePage);

    /// <summary>Asks for huge pages under a range that is committed as a whole already. A kernel older than 6.1, or one without a huge
    /// page to spare, leaves it as it is.</summary>
    internal static void Collapse(byte* address, nuint bytes)
    {
        Advise(address, bytes, huge: true);
        _ = MMap.Advise(address, bytes, MMap.AdviseCollapse);
    }

    /// <summary>Leaves the range out of children that the process forks.</summary>
    /// <remarks>Device memory access of O_DIRECT goes to physical pages. After a fork, whichever side touches a page first gets a copy, and
    /// that may be the parent, while the device still fills the page that the child now has.</remarks>
    /// <returns>False when the system refuses.</returns>
    internal static bool ExcludeFromFork(byte* address, nuint bytes) => MMap.Advise(address, bytes, MMap.AdviseDontFork) == 0;

    /// <summary>Gives the physical memory back; the range stays usable and reads as zeroes.</summary>
    /// <remarks>Part of a huge page must not be advised huge when it is given back: the system would fill the hole again when it joins what
    /// is around it. The advice is left to the caller, since each change of it within a reservation is a mapping more.</remarks>
    /// <returns>False when the system refuses, as kernels before 5.18 do for locked memory; and for parts of system pages, which may be
    /// larger than 4 KiB: the system would round up and take what lies behind along.</returns>
    internal static bool TryDecommit(byte* address, nuint bytes) =>
        (((nuint)address | bytes) & (nuint)(SystemPageBytes - 1)) == 0
        && (MMap.Advise(address, bytes, MMap.AdviseDontNeed) == 0 || MMap.Advise(address, bytes, MMap.AdviseDontNeedLocked) == 0);

    /// <summary>Ends a reservation made by <see cref="Reserve"/>.</summary>
    internal static void Release(byte* address, nuint bytes) => Check(MMap.Unmap(address, bytes), "munmap");

    /// <summary>Under mlockall(MCL_FUTURE) the system brings every page of a mapping in as soon as it may be written.</summary>
    private static void KeepUnpopulated(byte* address, nuint bytes)
    {
        if (MMap.Advise(address, bytes, MMap.AdviseDontNeed) == 0)
        {
            return;
        }

        // Refused: it is locked. Where locked memory could not be given back, it is better not locked at all.
        if (MMap.Advise(address, bytes, MMap.AdviseDontNeedLocked) != 0 || MMap.Lock(address, bytes, MMap.LockOnFault) != 0)
        {
            _ = MMap.Unlock(address, bytes);
        }
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            throw new InvalidOperationException($"{call} failed with errno {error}.");
        }
    }
}
