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

    /// <summary>Two of the longest reads.</summary>
    private const int MinRunBytes = 2 * ReadPlan.MaxRun;

    /// <summary>Frames from which on there is no need to save.</summary>
    private const long EnoughResidentBytes = 64 << 20;

    /// <summary>Those of a pager.</summary>
    /// <param name="residentBytes">The budget of its frames. It may grow later: these do not.</param>
    internal static BufferLimits For(long residentBytes)
    {
        double part = Math.Min(1, residentBytes / (double)EnoughResidentBytes);
        return new BufferLimits(
            (int)(part * MaxEntryBytes),
            Math.Max((int)(part * MaxRunBytes), MinRunBytes),
            Math.Max((int)(part * MaxSourceBytes), MinRunBytes));
    }
}
