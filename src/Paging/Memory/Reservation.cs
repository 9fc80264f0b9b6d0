using System.Diagnostics;
using Paging.Interop;
using Paging.TestSeam;

namespace Paging.Memory;

/// <summary>A range of address space that stays reserved until its owner releases it, exactly once.</summary>
/// <remarks>Once its owner is gone, <see cref="OutstandingBytes"/> must be what it was before: tests check that.</remarks>
internal sealed unsafe class Reservation
{
    private static long s_outstanding;
    private int _released;
    private long _refusedBytes;

    /// <param name="bytes">Rounded up to whole system pages.</param>
    /// <param name="accessible">True if any part may be touched at any time. Otherwise a part must be committed before.</param>
    /// <param name="sparse">True for a range that is touched here and there.</param>
    /// <exception cref="InsufficientMemoryException">The system refuses.</exception>
    internal Reservation(long bytes, bool accessible, bool sparse = false)
    {
        long page = VirtualMemory.SystemPageBytes;
        Bytes = checked((bytes + page - 1) / page * page);
        if (TestHook.RefusesPages())
        {
            throw VirtualMemory.Refused(Bytes, "address space", error: 0);
        }

        Address = VirtualMemory.Reserve((nuint)Bytes, HugePageBytes, sparse || accessible);
        Interlocked.Add(ref s_outstanding, Bytes);
        if (accessible && !TryCommit(0, Bytes, huge: false))
        {
            Release();
            throw VirtualMemory.Refused(Bytes, "memory to write to", error: 0);
        }
    }

    /// <summary>The unit in which the processor maps memory when huge pages are granted.</summary>
    internal const int HugePageBytes = 2 << 20;

    internal byte* Address { get; }

    internal long Bytes { get; }

    /// <summary>Address space reserved by all pagers of the process.</summary>
    internal static long OutstandingBytes => Volatile.Read(ref s_outstanding);

    /// <summary>What the system refused to commit when it was last asked; 0 when it did not refuse. For messages that say why there is no
    /// room.</summary>
    internal long RefusedBytes => Volatile.Read(ref _refusedBytes);

    internal bool TryCommit(long offset, long bytes, bool huge)
    {
        bool granted = !TestHook.RefusesPages() && VirtualMemory.TryCommit(Address + offset, (nuint)bytes, huge);
        Volatile.Write(ref _refusedBytes, granted ? 0 : bytes);
        return granted;
    }

    internal bool TryMakeReadable() => VirtualMemory.TryMakeReadable(Address, (nuint)Bytes);

    internal void Advise(long offset, long bytes, bool huge) =>
        VirtualMemory.Advise(Address + offset, (nuint)bytes, huge);

    /// <summary>Backs the huge-page-sized blocks of a committed range with huge pages, as far as the system can.</summary>
    internal void Collapse(long offset, long bytes) => VirtualMemory.Collapse(Address + offset, (nuint)bytes);

    /// <summary>Gives physical memory back and keeps the addresses: a late reader finds zeroes.</summary>
    /// <returns>False when the system refuses, as it may for locked memory.</returns>
    internal bool TryDecommit(long offset, long bytes)
    {
        Debug.Assert(offset >= 0 && bytes >= 0 && offset + bytes <= Bytes, "outside the reservation");
        return VirtualMemory.TryDecommit(Address + offset, (nuint)bytes);
    }

    internal void DecommitAll() => TryDecommit(0, Bytes);

    internal void Release()
    {
        bool first = Interlocked.Exchange(ref _released, 1) == 0;
        Debug.Assert(first, "native memory is released exactly once");
        if (first)
        {
            Interlocked.Add(ref s_outstanding, -Bytes);
            VirtualMemory.Release(Address, (nuint)Bytes);
        }
    }
}
