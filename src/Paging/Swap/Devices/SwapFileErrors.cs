using System.Diagnostics.CodeAnalysis;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>Says what is wrong with the path or the size of a swap file, with the figures and what to do. The exceptions are of the types
/// that <see cref="File"/> throws.</summary>
internal static class SwapFileErrors
{
    internal const string SizeRule = "The size of a swap file must be positive, and a multiple of 4,096 bytes.";

    [DoesNotReturn]
    internal static void ThrowSize(long bytes, string parameter) => throw new ArgumentOutOfRangeException(parameter, bytes, SizeRule);

    [DoesNotReturn]
    internal static void ThrowExists(string path, string kind) =>
        throw new IOException(
            $"The swap file '{path}' cannot be created: there is {kind} of that name. "
            + "Give the path of a directory, or of a file that does not exist yet.");

    [DoesNotReturn]
    internal static void ThrowNoDirectory(string path, string directory) =>
        throw new DirectoryNotFoundException(
            $"The swap file '{path}' cannot be created: there is no directory '{directory}'. Create it, or give another path.");

    [DoesNotReturn]
    internal static void ThrowFull(string path, long bytes, long? available) =>
        throw new IOException(
            $"No room for a swap file of {bytes:N0} bytes at '{path}': "
            + (available is { } free ? $"{free:N0} bytes are free there" : "the file system or a quota grants fewer")
            + ". Free some space, choose another file system, or ask for a smaller file.");

    [DoesNotReturn]
    internal static void ThrowLimit(string path, long bytes, ulong limit) =>
        throw new IOException(
            $"No swap file of {bytes:N0} bytes at '{path}': this process may not let a file grow beyond {limit:N0} bytes (ulimit -f). "
            + "Raise the limit, or ask for a smaller file.");

    /// <summary>For an error of a system call that no other method here says more about.</summary>
    [DoesNotReturn]
    internal static void Throw(string path, string action, int error)
    {
        string message = $"The swap file '{path}' cannot be {action}: ";
        throw error switch
        {
            Errno.EACCES or Errno.EPERM =>
                new UnauthorizedAccessException($"{message}permission denied. Give a directory that this user may write to."),
            Errno.EROFS =>
                new IOException($"{message}the file system is read-only. Give a path on one that can be written to."),
            Errno.ENAMETOOLONG => new PathTooLongException($"{message}the path is too long."),
            Errno.ENOTDIR or Errno.ENOENT =>
                new DirectoryNotFoundException($"{message}a part of the path is missing, or no directory."),
            Errno.ELOOP =>
                new IOException(
                    $"{message}symbolic links lead in a circle, or its last part is one, and none is followed there. "
                    + "Give the path that it leads to."),
            Errno.EFBIG =>
                new IOException($"{message}the file system allows no file of that size. Ask for a smaller one."),
            _ => new IOException($"{message}{System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
        };
    }
}
