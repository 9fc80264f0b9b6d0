namespace Paging.Memory;

/// <summary>Which parts of a reservation may be backed by huge pages, where memory inside it is given back in pieces and comes
/// again.</summary>
/// <remarks>
/// A hole must not lie in memory that huge pages are asked for: the system fills it when it joins what is around it to a huge page, and the
/// budget is broken. But memory that is advised one way beside memory that is advised the other is two mappings, of which a process has few
/// (65,530), and holes may be as many as there are segments. So advice is given by zones, of which a reservation has 64 at most: a zone
/// without holes is advised huge; with its first hole all of it no longer is, and is again when the last hole is filled. Huge pages that
/// are there stay huge whatever is advised. The owner keeps calls apart.
/// </remarks>
internal sealed class HugeZones
{
    internal const int MaxZones = 64;

    private readonly Reservation _memory;
    private readonly bool _huge;

    /// <summary>Bytes missing in each zone.</summary>
    private readonly long[] _missing;

    /// <param name="memory">The reservation.</param>
    /// <param name="huge">Whether memory is advised huge when it is first committed. If not, a zone becomes so when all of it is
    /// there.</param>
    internal HugeZones(Reservation memory, bool huge)
    {
        _memory = memory;
        _huge = huge;
        long unit = (long)MaxZones * Reservation.HugePageBytes;
        ZoneBytes = (memory.Bytes + unit - 1) / unit * Reservation.HugePageBytes;
        _missing = new long[(memory.Bytes + ZoneBytes - 1) / ZoneBytes];
    }

    internal long ZoneBytes { get; }

    /// <summary>Whether nothing has been given back, or all has come again, in the zone of an offset.</summary>
    internal bool IsWhole(long offset) => _missing[offset / ZoneBytes] == 0;

    /// <summary>Before memory is given back.</summary>
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

    /// <summary>Memory that was given back is there again, or was not given back after all.</summary>
    /// <param name="offset">Of the memory.</param>
    /// <param name="bytes">Its length.</param>
    /// <param name="accessible">Where the memory ends that has ever been committed.</param>
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
                // Joined to huge pages in the system's own time: a pool whose fill swings would pay for it here with every swing.
                _memory.Advise(start, length, huge: true);
            }
        }
    }

    private long ZoneEnd(long offset) => Math.Min(_memory.Bytes, ((offset / ZoneBytes) + 1) * ZoneBytes);
}
