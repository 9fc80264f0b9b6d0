namespace Paging.Benchmarks.Workloads;

internal static class FileAmplificationWorkload
{
    public static void Run(Options options, Harness harness, Report report)
    {
    }
}
