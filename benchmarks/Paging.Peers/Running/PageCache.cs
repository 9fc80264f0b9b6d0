using System.Runtime.InteropServices;

namespace Paging.Peers.Running;

/// <summary>Takes files out of the kernel's page cache.</summary>
/// <remarks>A page of a file is charged to the cgroup that read it first. What an earlier process of a peer has left there would be memory
/// that this one is not charged for.</remarks>
internal static partial class PageCache
{
    private const int DontNeed = 4; // POSIX_FADV_DONTNEED

    public static void Drop(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            file.Flush(flushToDisk: true); // what is dirty stays otherwise
            _ = Advise((int)file.SafeFileHandle.DangerousGetHandle(), 0, 0, DontNeed); // advice: the table shows what is left
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(int file, long offset, long length, int advice);
}
