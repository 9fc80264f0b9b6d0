using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Paging.Benchmarks.Workloads;

/// <summary>The limit of the file workloads: a file of the same size on the same file system, its space set aside too, read and written
/// with O_DIRECT by bare system calls.</summary>
internal sealed unsafe partial class RawFile : IDisposable
{
    private const int BlockBytes = 4096;
    private const int GetFlags = 3; // F_GETFL
    private const int SetFlags = 4; // F_SETFL

    private readonly int _descriptor;

    public RawFile(string directory, long bytes)
        : this(Create(directory, bytes), bytes)
    {
    }

    private RawFile(SafeFileHandle handle, long bytes)
    {
        Handle = handle;
        Bytes = bytes;
        _descriptor = (int)Handle.DangerousGetHandle();
        int direct = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;
        IsDirect = Control(_descriptor, SetFlags, Control(_descriptor, GetFlags, 0) | direct) == 0;
    }

    public SafeFileHandle Handle { get; }

    public long Bytes { get; }

    public bool IsDirect { get; }

    /// <summary>A file that is there, to read it.</summary>
    public static RawFile OpenExisting(string path)
    {
        SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return new RawFile(handle, RandomAccess.GetLength(handle));
    }

    private static SafeFileHandle Create(string directory, long bytes)
    {
        string path = Path.Combine(directory, $"paging-raw-{Guid.NewGuid():n}");
        SafeFileHandle handle =
            File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, FileOptions.None, bytes);
        File.Delete(path);
        return handle;
    }

    public static long WholeBlocks(long bytes) => (bytes + BlockBytes - 1) / BlockBytes * BlockBytes;

    /// <summary>Reads the blocks that hold a range.</summary>
    /// <returns>Where the range starts in the buffer.</returns>
    public byte* ReadRange(long offset, int length, byte* buffer)
    {
        long first = offset / BlockBytes * BlockBytes;
        long end = WholeBlocks(offset + length);
        Check(Read(_descriptor, buffer, (nuint)(end - first), first), end - first);
        return buffer + (offset - first);
    }

    public void WriteBlocks(long offset, byte* buffer, long length) =>
        Check(Write(_descriptor, buffer, (nuint)length, offset), length);

    public void Dispose() => Handle.Dispose();

    private static void Check(nint transferred, long wanted)
    {
        if (transferred != wanted)
        {
            throw new IOException($"A raw transfer of {wanted} bytes gave {transferred}.", new Win32Exception(Marshal.GetLastPInvokeError()));
        }
    }

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Read(int descriptor, byte* buffer, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint Write(int descriptor, byte* buffer, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int flags);
}
