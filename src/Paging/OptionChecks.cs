using Paging.Diagnostics;
using Paging.Memory;
using Paging.Swap;

namespace Paging;

/// <summary>Refuses options that are out of range, or that do not go together. The options themselves are plain data and know no
/// layer.</summary>
internal static class OptionChecks
{
    private const int MaxBackgroundThreads = 64;

    internal static void Check(this PagerOptions options)
    {
        PagerName.Check(options.Name, nameof(options));
        FramePool.CheckPageBytes(options.PageBytes, nameof(options));
        CheckGoal(options.Compression, nameof(options));
        if (options.BackgroundThreads is < 0 or > MaxBackgroundThreads)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.BackgroundThreads,
                $"BackgroundThreads = {options.BackgroundThreads:N0} is not from 0 to {MaxBackgroundThreads}.");
        }

        if (options.ResidentBytes > FramePool.MaxBudgetBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                options.ResidentBytes,
                $"ResidentBytes = {options.ResidentBytes:N0} is more than {FramePool.MaxBudgetBytes:N0}.");
        }

        if (options.PoolBytes > PoolBudget.MaxBytes)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), options.PoolBytes, $"PoolBytes = {options.PoolBytes:N0} is more than {PoolBudget.MaxBytes:N0}.");
        }

        if (options.SwapFiles is null)
        {
            throw new ArgumentNullException(nameof(options), "SwapFiles is null. Leave it out for none.");
        }

        CheckPageFits(options.PageBytes, options.ResidentBytes, options.PoolBytes, nameof(options));

        // Of budgets that are right by themselves.
        CheckFloor(options.MinResidentBytes, options.ResidentBytes, nameof(options.MinResidentBytes), nameof(options.ResidentBytes), nameof(options));
        CheckFloor(options.MinPoolBytes, options.PoolBytes, nameof(options.MinPoolBytes), nameof(options.PoolBytes), nameof(options));
    }

    internal static void CheckAdvice(PageAdvice advice)
    {
        if (advice is < PageAdvice.Normal or > PageAdvice.PageOut)
        {
            throw new ArgumentOutOfRangeException(
                nameof(advice), advice, $"{(int)advice:N0} is no PageAdvice: those are {(int)PageAdvice.Normal} to {(int)PageAdvice.PageOut}.");
        }
    }

    internal static void Check(this PagedArrayOptions options)
    {
        if (options.Compression is { } goal)
        {
            CheckGoal(goal, nameof(options));
        }

        if (options.Filter is < PageFilter.None or > PageFilter.Delta)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Filter, $"Filter = {(int)options.Filter} is not a PageFilter.");
        }
    }

    internal static void CheckGoal(CompressionGoal goal, string parameter)
    {
        if (goal is < CompressionGoal.None or > CompressionGoal.Ratio)
        {
            throw new ArgumentOutOfRangeException(parameter, goal, $"Compression = {(int)goal} is not a CompressionGoal.");
        }
    }

    private static void CheckFloor(long floor, long ceiling, string name, string ceilingName, string parameter)
    {
        if (floor < 0 || floor > ceiling)
        {
            throw new ArgumentOutOfRangeException(
                parameter, floor, $"{name} = {floor:N0} is not from 0 to {ceilingName} = {ceiling:N0}.");
        }
    }

    /// <summary>Whether the budgets can hold enough pages of a size (rule 12).</summary>
    internal static bool DoesPageFit(int pageBytes, long residentBytes, long poolBytes) =>
        residentBytes / pageBytes >= FramePool.MinFrames && poolBytes >= LogGeometry.MinPoolBytes(pageBytes);

    /// <summary>Checks that the budgets can hold enough pages of a size (rule 12).</summary>
    internal static void CheckPageFits(int pageBytes, long residentBytes, long poolBytes, string parameter) =>
        CheckPageFits(pageBytes, residentBytes, poolBytes, parameter, parameter);

    /// <summary>As the other, where the budgets are parameters of their own.</summary>
    internal static void CheckPageFits(int pageBytes, long residentBytes, long poolBytes, string residentParameter, string poolParameter)
    {
        if (residentBytes / pageBytes < FramePool.MinFrames)
        {
            throw new ArgumentOutOfRangeException(
                residentParameter,
                residentBytes,
                $"ResidentBytes = {residentBytes:N0} holds {residentBytes / pageBytes:N0} pages of {pageBytes:N0} bytes; "
                    + $"at least {FramePool.MinFrames} are needed, {(long)FramePool.MinFrames * pageBytes:N0} bytes.");
        }

        long min = LogGeometry.MinPoolBytes(pageBytes);
        if (poolBytes < min)
        {
            throw new ArgumentOutOfRangeException(
                poolParameter,
                poolBytes,
                $"PoolBytes = {poolBytes:N0} has room for fewer than {LogGeometry.MinSegments} segments for pages of {pageBytes:N0} bytes; "
                    + $"at least {min:N0} bytes are needed.");
        }
    }
}
