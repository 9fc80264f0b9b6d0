using System.Runtime.InteropServices;
using Paging.Interop;

namespace Paging.Datasets;

/// <summary>Says why a dataset cannot be written.</summary>
internal static class DatasetErrors
{
    internal static Exception Of(string path, int error) => error switch
    {
        Errno.ENOSPC or Errno.EDQUOT => new IOException(
            $"'{path}' cannot be written: there is no room ({Marshal.GetPInvokeErrorMessage(error)}, errno {error}). Nothing of the new dataset " +
            "is kept; what was there before is untouched."),
        Errno.EACCES or Errno.EPERM or Errno.EROFS => new UnauthorizedAccessException(
            $"'{path}' cannot be written: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
        _ => new IOException($"'{path}' cannot be written: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
    };

    /// <summary>The same of what the runtime has thrown, which names a file that nobody has asked for: the dataset has another name as long as
    /// it is written.</summary>
    internal static Exception Of(string path, Exception thrown) => thrown switch
    {
        UnauthorizedAccessException => Of(path, Errno.EACCES),

        // Where the runtime has no exception of its own, it keeps the error's number there.
        { HResult: > 0 and var error } => Of(path, error),
        _ => new IOException($"'{path}' cannot be written: {thrown.Message}", thrown),
    };

    /// <summary>Of a directory in which nothing can be made.</summary>
    internal static Exception OfParent(string path, string parent, Exception thrown) => thrown switch
    {
        UnauthorizedAccessException => new UnauthorizedAccessException(
            $"'{path}' cannot be saved: no permission to write in '{parent}'. Choose another place, or have this user allowed to.", thrown),
        { HResult: Errno.EROFS } => new UnauthorizedAccessException(
            $"'{path}' cannot be saved: the file system of '{parent}' is read-only. Choose another place.", thrown),
        { HResult: Errno.ENOSPC or Errno.EDQUOT } => Of(path, thrown.HResult),
        _ => new IOException($"'{path}' cannot be saved: nothing can be made in '{parent}'. Choose another place. ({thrown.Message})", thrown),
    };

    internal static IOException OfLimit(string path, long bytes, ulong limit) => new(
        $"'{path}' cannot be written: it would have {bytes:N0} bytes or more, and the process may write files of {limit:N0} at most (ulimit -f). " +
        $"Make the shards smaller ({nameof(DatasetOptions.ShardBytes)}), or raise the limit.");
}
