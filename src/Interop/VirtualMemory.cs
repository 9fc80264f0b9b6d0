using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>Address space and the physical memory behind it, in the four verbs that the layers above need.</summary>
/// <remarks>Every range is whole system pages. A reservation reads as zeroes once it is committed, and again after
/// <see cref="Decommit"/>. Thread-safe, as the system calls are, for ranges that do not overlap.</remarks>
internal static unsafe class VirtualMemory
{
    /// <summary>What the constants of <see cref="MMap"/> were checked against: Linux, 64 bits.</summary>
    internal static bool IsSupported => OperatingSystem.IsLinux() && nint.Size == 8;

    internal static int SystemPageBytes => Environment.SystemPageSize;

    /// <summary>Reserves <paramref name="bytes"/> of address space at a multiple of <paramref name="alignment"/>.</summary>
    /// <param name="bytes">A multiple of the system's page.</param>
    /// <param name="alignment">A power of two, at least the system's page.</param>
    /// <param name="accessible">True to let any part be touched without <see cref="Commit"/>: for sparse tables.</param>
    /// <exception cref="InsufficientMemoryException">The system refuses.</exception>
    internal static byte* Reserve(nuint bytes, nuint alignment, bool accessible)
    {
        nuint padded = checked(bytes + alignment);
        int protection = accessible ? MMap.ProtReadWrite : MMap.ProtNone;
        void* raw = MMap.Map(null, padded, protection, MMap.ReservationFlags, -1, 0);
        if (raw == MMap.Failed)
        {
            int error = Marshal.GetLastPInvokeError();
            throw new InsufficientMemoryException($"The system refused to reserve {padded:N0} bytes of address space (errno {error}).");
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

        return (byte*)start;
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
    /// <remarks>Part of a huge page must not be advised huge when it is given back: the system would fill the hole again when it joins what is around
    /// it. The advice is left to the caller, since each change of it within a reservation is a mapping more.</remarks>
    /// <returns>False when the system refuses, as it does for locked memory.</returns>
    internal static bool TryDecommit(byte* address, nuint bytes) => MMap.Advise(address, bytes, MMap.AdviseDontNeed) == 0;

    /// <summary>Ends a reservation made by <see cref="Reserve"/>.</summary>
    internal static void Release(byte* address, nuint bytes) => Check(MMap.Unmap(address, bytes), "munmap");

    private static void Check(int result, string call)
    {
        if (result != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            throw new InvalidOperationException($"{call} failed with errno {error}.");
        }
    }
}
