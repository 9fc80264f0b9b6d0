namespace Paging.Benchmarks.Workloads;

/// <summary>The directory that swap files and raw files are made in.</summary>
internal static class SwapPlace
{
    private static bool s_told;

    /// <summary>Says once what the figures of this run were measured on: without O_DIRECT they are those of the page cache.</summary>
    public static void Tell(string directory, SwapStage stage, RawFile raw)
    {
        if (s_told)
        {
            return;
        }

        s_told = true;
        string engine = stage.Domain.Swap.Engine.Kind == Swap.Devices.IoEngineKind.Uring ? "io_uring" : "threads";
        Console.WriteLine(
            $"  swap files: {new DriveInfo(directory).DriveFormat}, O_DIRECT {Granted(stage.File.IsDirect)}, written through {engine}; " +
            $"raw files: O_DIRECT {Granted(raw.IsDirect)}");
        if (!stage.File.IsDirect || !raw.IsDirect)
        {
            Console.WriteLine("  *** WITHOUT O_DIRECT THESE FIGURES ARE THOSE OF THE PAGE CACHE: give another --swap. ***");
        }
    }

    private static string Granted(bool isDirect) => isDirect ? "granted" : "REFUSED";
}
