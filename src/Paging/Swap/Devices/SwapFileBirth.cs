using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>The abilities of a file system that are tried; tests take some away.</summary>
[Flags]
internal enum FileAbilities
{
    None = 0,

    /// <summary>Files that never have a name (O_TMPFILE).</summary>
    Unnamed = 1,

    /// <summary>Space is set aside before it is written (fallocate).</summary>
    Preallocation = 2,

    /// <summary>Transfers that bypass the page cache (O_DIRECT).</summary>
    Direct = 4,

    All = Unnamed | Preallocation | Direct,
}

/// <summary>Creates a swap file that only this process can open: it has no name, and only its owner may read and write it. Its space is set
/// aside.</summary>
/// <remarks>The directory is held open meanwhile, so that the directory that was checked is the one that is used. If the process is killed,
/// no file is left, unless the file system lacks O_TMPFILE and the process is killed between two particular system calls.</remarks>
internal static unsafe class SwapFileBirth
{
    /// <summary>Creates the file.</summary>
    /// <param name="path">An existing directory, or a name that does not exist yet in an existing directory.</param>
    /// <param name="bytes">The size, which the caller has checked.</param>
    /// <param name="abilities">What to try.</param>
    internal static SafeFileHandle Create(string path, long bytes, FileAbilities abilities)
    {
        (string directory, string? name) = Locate(path);
        using SafeFileHandle parent = OpenDirectory(path, directory, follow: name is not null);
        if (name is not null && KindOf(parent, name) is { } kind)
        {
            SwapFileErrors.ThrowExists(path, kind);
        }

        SafeFileHandle file = CreateIn(parent, path, name, abilities);
        try
        {
            // The umask may have taken bits from the mode; it never adds any.
            if (OpenFile.fchmod(Descriptor(file), OpenFile.S_IRUSR | OpenFile.S_IWUSR) != 0)
            {
                SwapFileErrors.Throw(path, "made private", Marshal.GetLastPInvokeError());
            }

            SetSpaceAside(file, path, bytes, abilities);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static int Descriptor(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    /// <returns>The directory, and the name of the file in it, unless the path is the directory itself.</returns>
    private static (string Directory, string? Name) Locate(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        int error = Status(OpenFile.AT_FDCWD, full, out Statx information);
        if (error == 0 && (information.stx_mode & FileStatus.S_IFMT) == FileStatus.S_IFDIR)
        {
            return (full, null);
        }

        if (error is not 0 and not Errno.ENOENT and not Errno.ENOTDIR)
        {
            SwapFileErrors.Throw(path, "created", error);
        }

        return (Path.GetDirectoryName(full) ?? "/", Path.GetFileName(full));
    }

    private static SafeFileHandle OpenDirectory(string path, string directory, bool follow)
    {
        int flags = OpenFile.O_PATH | OpenFile.O_DIRECTORY | OpenFile.O_CLOEXEC | (follow ? 0 : OpenFile.O_NOFOLLOW);
        int error = Open(OpenFile.AT_FDCWD, directory, flags, out SafeFileHandle? parent);
        if (error is Errno.ENOENT or Errno.ENOTDIR)
        {
            SwapFileErrors.ThrowNoDirectory(path, directory);
        }

        if (parent is null)
        {
            SwapFileErrors.Throw(path, "created", error);
        }

        return parent;
    }

    private static string? KindOf(SafeFileHandle parent, string name)
    {
        if (Status(Descriptor(parent), name, out Statx information) != 0)
        {
            return null;
        }

        return (information.stx_mode & FileStatus.S_IFMT) switch
        {
            FileStatus.S_IFREG => "a file",
            FileStatus.S_IFLNK => "a symbolic link, which is never followed,",
            FileStatus.S_IFIFO => "a FIFO",
            FileStatus.S_IFSOCK => "a socket",
            FileStatus.S_IFCHR or FileStatus.S_IFBLK => "a device",
            FileStatus.S_IFDIR => "a directory",
            _ => "something",
        };
    }

    private static SafeFileHandle CreateIn(SafeFileHandle parent, string path, string? name, FileAbilities abilities)
    {
        const int Common = OpenFile.O_RDWR | OpenFile.O_CLOEXEC;
        int error;
        if (abilities.HasFlag(FileAbilities.Unnamed))
        {
            // With O_EXCL the file cannot be given a name later.
            error = Open(Descriptor(parent), ".", Common | OpenFile.O_TMPFILE | OpenFile.O_EXCL, out SafeFileHandle? unnamed);
            if (unnamed is not null)
            {
                return unnamed;
            }

            // File systems and kernels that do not know O_TMPFILE give one of these answers. After any other, a file with a name would
            // fail, too.
            if (error is not (Errno.EOPNOTSUPP or Errno.EISDIR or Errno.EINVAL or Errno.ENOENT))
            {
                SwapFileErrors.Throw(path, "created", error);
            }
        }

        string chosen = name ?? DrawName(path);
        int flags = Common | OpenFile.O_CREAT | OpenFile.O_EXCL | OpenFile.O_NOFOLLOW;
        error = Open(Descriptor(parent), chosen, flags, out SafeFileHandle? file);
        if (error == Errno.EEXIST)
        {
            SwapFileErrors.ThrowExists(path, "something");
        }

        if (file is null)
        {
            SwapFileErrors.Throw(path, "created", error);
        }

        fixed (byte* bytes = Encoding.UTF8.GetBytes(chosen + '\0'))
        {
            if (OpenFile.unlinkat(Descriptor(parent), bytes, 0) != 0)
            {
                error = Marshal.GetLastPInvokeError();
                file.Dispose();
                SwapFileErrors.Throw(path, "unlinked", error);
            }
        }

        return file;
    }

    /// <summary>Draws a name that is different every time. The random bytes come from the kernel: a file that is not encrypted needs no
    /// library of cryptography.</summary>
    internal static string DrawName(string path)
    {
        Span<byte> drawn = stackalloc byte[16];
        int error = SystemRandom.Fill(drawn);
        if (error != 0)
        {
            SwapFileErrors.Throw(path, "named at random", error);
        }

        return $".paging-{Convert.ToHexStringLower(drawn)}";
    }

    private static void SetSpaceAside(SafeFileHandle file, string path, long bytes, FileAbilities abilities)
    {
        // Before anything else: to grow a file beyond this limit brings a signal that ends the process.
        RLimit limit;
        if (FileSpace.getrlimit(FileSpace.RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < (ulong)bytes)
        {
            SwapFileErrors.ThrowLimit(path, bytes, limit.rlim_cur);
        }

        // Before the space is set aside: a file system may take minutes, and all the space that it has, to find out that it has too little.
        long? available = AvailableBytes(file);
        if (available < bytes)
        {
            SwapFileErrors.ThrowFull(path, bytes, available);
        }

        int error = abilities.HasFlag(FileAbilities.Preallocation)
            ? Repeat(file, bytes, static (descriptor, bytes) => FileSpace.fallocate(descriptor, 0, 0, bytes))
            : Errno.EOPNOTSUPP;
        if (error is Errno.EOPNOTSUPP or Errno.ENOSYS)
        {
            error = Repeat(file, bytes, static (descriptor, bytes) => FileSpace.ftruncate(descriptor, bytes));
        }

        if (error is Errno.ENOSPC or Errno.EDQUOT)
        {
            SwapFileErrors.ThrowFull(path, bytes, error == Errno.ENOSPC ? AvailableBytes(file) : null);
        }

        if (error != 0)
        {
            SwapFileErrors.Throw(path, $"given {bytes:N0} bytes", error);
        }
    }

    private static long? AvailableBytes(SafeFileHandle file)
    {
        StatVfs statistics;
        return FileSpace.fstatvfs(Descriptor(file), &statistics) == 0 ? AvailableBytes(statistics) : null;
    }

    /// <summary>Bytes that are free on a file system.</summary>
    /// <returns>Null where it does not say: a tmpfs without a limit has no blocks in all, nor has a file system that is a program and
    /// counts none. Then setting the space aside shows whether there is any.</returns>
    internal static long? AvailableBytes(in StatVfs statistics)
    {
        if (statistics.f_blocks == 0)
        {
            return null;
        }

        UInt128 available = (UInt128)statistics.f_frsize * statistics.f_bavail;
        return available > long.MaxValue ? long.MaxValue : (long)available;
    }

    private static int Repeat(SafeFileHandle file, long bytes, Func<int, long, int> call)
    {
        while (call(Descriptor(file), bytes) != 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error != Errno.EINTR)
            {
                return error;
            }
        }

        return 0;
    }

    private static int Open(int directory, string path, int flags, out SafeFileHandle? file)
    {
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int descriptor;
            int error;
            do
            {
                descriptor = OpenFile.openat(directory, bytes, flags, OpenFile.S_IRUSR | OpenFile.S_IWUSR);
                error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (error == Errno.EINTR);
            Debug.Assert(descriptor >= 0 || error != 0, "an error has a number");
            file = descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
            return error;
        }
    }

    private static int Status(int directory, string path, out Statx information)
    {
        fixed (Statx* result = &information)
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            const uint Wanted = FileStatus.STATX_TYPE | FileStatus.STATX_MODE;
            return FileStatus.statx(directory, bytes, FileStatus.AT_SYMLINK_NOFOLLOW, Wanted, result) == 0
                ? 0
                : Marshal.GetLastPInvokeError();
        }
    }
}
