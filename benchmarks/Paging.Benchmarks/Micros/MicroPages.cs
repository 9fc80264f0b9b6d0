namespace Paging.Benchmarks.Micros;

/// <summary>The input of what handles whole pages: pages of the shared framework's own files that LZ4 makes shorter.</summary>
internal static class MicroPages
{
    /// <summary>Pages in each invocation: one alone, over and over, would be known to the processor by heart.</summary>
    public const int Count = 256;

    public static PageSet Load(int pageBytes, int pages = Count) =>
        PageSet.From(FileGroup.Find([], each: false)[0], pageBytes, PageKind.Compressible, (long)pages * pageBytes)!;
}
