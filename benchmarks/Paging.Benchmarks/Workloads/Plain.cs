namespace Paging.Benchmarks.Workloads;

/// <summary>For what is held against K4os on the same pages: LZ4 without a filter, which is what K4os does. What filters do is the workload
/// <see cref="CodecWorkload"/>'s to say.</summary>
internal static class Plain
{
    public static PagedArrayOptions Options { get; } = new() { Filter = PageFilter.None, Compression = CompressionGoal.Speed };
}
