namespace Paging.Memory;

/// <summary>Huge pages of a class of frames: the advice that the system needs before small granules give memory back, and after all of a huge
/// page's have theirs. Under the pool's gate.</summary>
/// <param name="memory">The address space of all classes.</param>
/// <param name="offset">Where the class lies in it.</param>
/// <param name="granules">The granules of the class.</param>
/// <param name="count">How many they are.</param>
/// <param name="granuleShift">Frames in a granule.</param>
/// <param name="pageShift">Bytes in a frame.</param>
internal sealed unsafe class GranuleMemory(
    Reservation memory, long offset, Granule* granules, int count, int granuleShift, int pageShift)
{
    private readonly int _granulesInBlock = Reservation.HugePageBytes >> (pageShift + granuleShift);

    /// <summary>Makes frames of a granule usable.</summary>
    internal bool TryCommit(long at, long bytes, bool huge)
    {
        (at, bytes) = WholePages(at, bytes);
        return memory.TryCommit(at, bytes, huge);
    }

    /// <summary>Gives the memory of a granule back.</summary>
    /// <remarks>If the granule is small, the system is first advised against huge pages for all of the huge page that the granule may lie
    /// in. Advice for each granule alone would add two mappings for each. A granule of whole huge pages is not part of another huge
    /// page.</remarks>
    internal bool TryDecommit(int granule, long at, long bytes)
    {
        if (_granulesInBlock >= 2)
        {
            memory.Advise(OffsetOf(FirstInBlock(granule)), Reservation.HugePageBytes, huge: false);
        }

        (at, bytes) = WholePages(at, bytes);
        return memory.TryDecommit(at, bytes);
    }

    /// <summary>Joins the small granules of a block to a huge page once all of them have their memory. Not before: a huge page takes its
    /// whole size, and would exceed the budget.</summary>
    internal void CollapseIfComplete(int granule)
    {
        int begin = FirstInBlock(granule);
        if (_granulesInBlock < 2 || begin + _granulesInBlock > count)
        {
            return;
        }

        for (int i = begin; i < begin + _granulesInBlock; i++)
        {
            if (granules[i].Present != 1 << granuleShift)
            {
                return;
            }
        }

        memory.Collapse(OffsetOf(begin), Reservation.HugePageBytes);
    }

    /// <summary>The system's pages that a range lies in. These may be larger than frames, and a granule that the budget cuts short can end in
    /// the middle of one: no other granule has a part of it.</summary>
    private static (long At, long Bytes) WholePages(long at, long bytes)
    {
        long page = Interop.VirtualMemory.SystemPageBytes;
        long first = at / page * page;
        return (first, (at + bytes - first + page - 1) / page * page);
    }

    private int FirstInBlock(int granule) => _granulesInBlock < 2 ? granule : granule / _granulesInBlock * _granulesInBlock;

    private long OffsetOf(int granule) => offset + ((long)granule << (granuleShift + pageShift));
}
