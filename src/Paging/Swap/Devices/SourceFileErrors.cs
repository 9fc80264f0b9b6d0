using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>Says why a file cannot be mapped: what is there, and what was expected. The exceptions are of the types that <see cref="File"/>
/// throws.</summary>
internal static class SourceFileErrors
{
    [DoesNotReturn]
    internal static void ThrowKind(string path, int kind)
    {
        string what = kind switch
        {
            FileStatus.S_IFDIR => "a directory",
            FileStatus.S_IFIFO => "a FIFO",
            FileStatus.S_IFSOCK => "a socket",
            FileStatus.S_IFCHR => "a character device",
            FileStatus.S_IFBLK => "a block device",
            _ => $"neither a file nor a directory (mode {kind:x})",
        };
        throw new IOException($"'{path}' cannot be mapped: it is {what}. Give the path of a regular file.");
    }

    /// <summary>For an error of a system call.</summary>
    [DoesNotReturn]
    internal static void Throw(string path, int error)
    {
        string message = $"'{path}' cannot be mapped: ";
        throw error switch
        {
            Errno.ENOENT when Directory.Exists(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))) =>
                new FileNotFoundException($"{message}there is no file of that name.", path),
            Errno.ENOENT or Errno.ENOTDIR =>
                new DirectoryNotFoundException($"{message}a part of the path is missing, or no directory."),
            Errno.EACCES or Errno.EPERM =>
                new UnauthorizedAccessException($"{message}permission denied. This user must be allowed to read it."),
            Errno.ENAMETOOLONG => new PathTooLongException($"{message}the path is too long."),
            Errno.ELOOP => new IOException($"{message}symbolic links lead in a circle."),
            Errno.ENXIO => new IOException($"{message}it is a device or a socket that nobody serves. Give the path of a regular file."),
            _ => new IOException($"{message}{Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
        };
    }
}
