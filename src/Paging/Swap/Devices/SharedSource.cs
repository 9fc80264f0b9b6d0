using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A file that several arrays are mapped from. The last user that leaves closes it, and waits for what is being read.</summary>
/// <param name="file">The file, with one user: the caller.</param>
internal sealed class SharedSource(SourceFile file) : RefCounted
{
    private static long s_last;

    internal SourceFile File => file;

    /// <summary>A number that no other has, to sort by.</summary>
    internal long Number { get; } = Interlocked.Increment(ref s_last);

    protected override void Close() => file.Dispose();
}
