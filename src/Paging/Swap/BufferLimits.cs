using Paging.Memory;

namespace Paging.Swap;

/// <summary>How much memory the buffers for reading files take: as much as lets disks work, and no more than a part of what frames may
/// have, so that a pager with small budgets is small altogether.</summary>
/// <param name="EntryBytes">For single pages, for each log.</param>
/// <param name="RunBytes">For neighbouring pages in swap files, for each log: what two readers of streams have ahead of them, and what is
/// lost between reads of different lengths. A page for which there is none is read by itself, which takes a request for it alone.</param>
/// <param name="SourceBytes">For neighbouring pages of mapped files and datasets.</param>
internal readonly record struct BufferLimits(int EntryBytes, int RunBytes, int SourceBytes)
{
    private const int MaxEntryBytes = 4 << 20;
    private const int MaxRunBytes = 8 << 20;
    private const int MaxSourceBytes = 10 << 20;

    /// <summary>What a reader of a stream may have ahead of it: see <see cref="Residency.RegionReadahead"/>.</summary>
    private const int RunShare = 4;
    private const int EntryShare = 16;

    /// <summary>Those of a pager.</summary>
    /// <param name="residentBytes">The budget of its frames. It may grow later: these do not.</param>
    internal static BufferLimits For(long residentBytes) => new(
        (int)Math.Min(residentBytes / EntryShare, MaxEntryBytes),
        WholeHugePages(residentBytes / RunShare, MaxRunBytes),
        WholeHugePages(residentBytes / RunShare, MaxSourceBytes));

    /// <summary>Whole huge pages, and one at least: a long read into scattered memory takes a disk more than twice as long.</summary>
    private static int WholeHugePages(long bytes, int max) =>
        (int)Math.Clamp(bytes / Reservation.HugePageBytes * Reservation.HugePageBytes, Reservation.HugePageBytes, max);
}
