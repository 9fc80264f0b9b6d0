using System.Diagnostics;

namespace Paging.Tests.Model;

/// <summary>What a pager counts once its background threads have nothing left to undo.</summary>
internal static class Settled
{
    private static readonly TimeSpan s_hung = TimeSpan.FromMinutes(1);

    /// <summary>Nothing is resident, stored or pinned: at once without background threads and writes under way, else as soon as they let
    /// go.</summary>
    /// <param name="pager">Without arrays and pages.</param>
    /// <param name="badBytes">Of its files, lost to writes that failed.</param>
    public static void Empty(Pager pager, long badBytes = 0)
    {
        PagerStatistics now = Reach(pager, now => IsEmpty(now, badBytes));
        Assert.True(IsEmpty(now, badBytes), $"Not everything was given back: {now}");
    }

    /// <summary>The first counters that satisfy a condition, or those of when it was given up. A watchdog, no measure of speed.</summary>
    public static PagerStatistics Reach(Pager pager, Func<PagerStatistics, bool> condition)
    {
        var clock = Stopwatch.StartNew();
        PagerStatistics now = pager.GetStatistics();
        while (!condition(now) && (pager.Options.BackgroundThreads > 0 || now.BytesWritten > 0) && clock.Elapsed < s_hung)
        {
            Thread.Yield();
            now = pager.GetStatistics();
        }

        return now;
    }

    private static bool IsEmpty(PagerStatistics now, long badBytes) =>
        now.FileBytes == badBytes
        && now is { Pins: 0, ResidentBytes: 0, PoolStoredBytes: 0, PoolLogicalBytes: 0, SameFilledPages: 0, FilePages: 0 };
}
