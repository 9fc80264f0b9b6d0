namespace Paging.Memory;

/// <summary>Which parts of a reservation may have huge pages, where memory is given back in pieces and taken again.</summary>
/// <remarks>
/// <para>A hole must not lie in memory that is advised huge: the system fills the hole when it joins what is around it to a huge page, and
/// the budget is exceeded. But wherever the advice changes, another mapping begins. A process can have 65,530 mappings, and there may be as
/// many holes as segments.</para>
/// <para>So advice is given by zones, of which a reservation has 64 at most, unless its pool grows. A zone without holes is advised huge.
/// Its first hole takes the advice from all of the zone, and when the last hole is filled the zone gets it back. Huge pages that exist
/// stay, whatever is advised.</para>
/// <para>The owner makes sure that no two calls run at the same time.</para>
/// </remarks>
internal sealed class HugeZones
{
    /// <summary>The most zones of a reservation.</summary>
    internal const int MaxZones = 64;

    private readonly Reservation _memory;
    private readonly bool _huge;

    /// <summary>Bytes missing in each zone.</summary>
    private readonly long[] _missing;

    /// <param name="memory">The reservation.</param>
    /// <param name="huge">Whether memory is advised huge when it is first committed. If not, a zone becomes so when all of it is
    /// there.</param>
    /// <param name="usual">The bytes from its beginning that are in use, unless the budget grows beyond what it was at first. They have the
    /// 64 zones; the rest has zones of the same length.</param>
    internal HugeZones(Reservation memory, bool huge, long usual = long.MaxValue)
    {
        _memory = memory;
        _huge = huge;
        long unit = (long)MaxZones * Reservation.HugePageBytes;
        ZoneBytes = (Math.Min(memory.Bytes, usual) + unit - 1) / unit * Reservation.HugePageBytes;
        _missing = new long[(memory.Bytes + ZoneBytes - 1) / ZoneBytes];
    }

    internal long ZoneBytes { get; }

    /// <summary>Whether the zone of an offset has no holes.</summary>
    internal bool IsWhole(long offset) => _missing[offset / ZoneBytes] == 0;

    /// <summary>Makes a hole. To be called before the memory is given back.</summary>
    internal void Open(long offset, long bytes)
    {
        for (long end = offset + bytes; offset < end; offset = ZoneEnd(offset))
        {
            ref long missing = ref _missing[offset / ZoneBytes];
            if (missing == 0)
            {
                long start = offset / ZoneBytes * ZoneBytes;
                _memory.Advise(start, ZoneEnd(offset) - start, huge: false);
            }

            missing += Math.Min(end, ZoneEnd(offset)) - offset;
        }
    }

    /// <summary>Fills a hole: the memory is there again, or was not given back after all.</summary>
    /// <param name="offset">Where the memory begins.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="accessible">The end of all memory that has ever been committed.</param>
    internal void Fill(long offset, long bytes, long accessible)
    {
        for (long end = offset + bytes; offset < end; offset = ZoneEnd(offset))
        {
            ref long missing = ref _missing[offset / ZoneBytes];
            missing -= Math.Min(end, ZoneEnd(offset)) - offset;
            long start = offset / ZoneBytes * ZoneBytes;
            long length = ZoneEnd(offset) - start;
            if (missing == 0 && (_huge || start + length <= accessible))
            {
                // The system joins it to huge pages later. Joining it here would cost time whenever the fill of the pool goes up and down.
                _memory.Advise(start, length, huge: true);
            }
        }
    }

    private long ZoneEnd(long offset) => Math.Min(_memory.Bytes, ((offset / ZoneBytes) + 1) * ZoneBytes);
}
