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

    internal static IOException OfLimit(string path, long bytes, ulong limit) => new(
        $"'{path}' cannot be written: it would have {bytes:N0} bytes or more, and the process may write files of {limit:N0} at most (ulimit -f). " +
        $"Make the shards smaller ({nameof(DatasetOptions.ShardBytes)}), or raise the limit.");
}
