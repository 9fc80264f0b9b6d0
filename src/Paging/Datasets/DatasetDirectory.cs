using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Paging.Formats;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Datasets;

/// <summary>The directory of a dataset that is open. Its files are opened relative to the directory itself: so for programs that have it
/// open nothing changes when it is renamed, or when another takes its name.</summary>
/// <remarks>Thread-safe. A dataset of which this process has arrays is deleted when the last of them is gone: see
/// <see cref="TryDefer"/>.</remarks>
internal sealed unsafe class DatasetDirectory : RefCounted, IDatasetFiles
{
    private static readonly Gate s_gate = new(isOfProcess: true);

    /// <summary>Of each directory that is open: how many times, and what to do when it no longer is. Under the gate.</summary>
    private static readonly Dictionary<string, State> s_open = [];

    private readonly SafeFileHandle _handle;

    /// <summary>Names the directory, whatever path leads there. Kept, since closing it must need no memory.</summary>
    private readonly string _identity;
    private readonly IoEngine _engine;

    /// <summary>Names the file that holds the metadata, as it was when it was read last. Under the lock.</summary>
    private (ulong Number, long Seconds, uint Nanoseconds) _metadata;
    private string _seal = string.Empty;
    private readonly Gate _gate = new();

    private DatasetDirectory(string path, SafeFileHandle handle, in Statx status, IoEngine engine)
    {
        Path = path;
        _handle = handle;
        _engine = engine;
        _identity = NameOf(status);
        var fresh = new State();
        using Gate.Scope held = s_gate.Enter();
        if (!s_open.TryGetValue(_identity, out State? state))
        {
            state = fresh;
            s_open.Add(_identity, state);
        }

        state.Users++;
    }

    /// <summary>The path that it was opened with.</summary>
    internal string Path { get; }

    /// <summary>Opens the directory of a dataset.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="engine">Carries out the reads from its files.</param>
    /// <exception cref="DirectoryNotFoundException">There is none.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission.</exception>
    /// <exception cref="IOException">It is no directory, or the system refuses otherwise.</exception>
    internal static DatasetDirectory Open(string path, IoEngine engine)
    {
        int error;
        SafeFileHandle? handle = null;
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int descriptor;
            do
            {
                descriptor = OpenFile.openat(OpenFile.AT_FDCWD, bytes, OpenFile.O_RDONLY | OpenFile.O_CLOEXEC | OpenFile.O_DIRECTORY, 0);
                error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (error == Errno.EINTR);
            handle = descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
        }

        if (handle is null)
        {
            throw NoDirectory(path, error);
        }

        try
        {
            error = TryStatus((int)handle.DangerousGetHandle(), string.Empty, FileStatus.AT_EMPTY_PATH, out Statx status);
            return error == 0 ? new DatasetDirectory(path, handle, status, engine) : throw Failure(path, error);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads and checks the metadata.</summary>
    /// <exception cref="InvalidDataException">There is none, or it is damaged, or asks for something that is not supported.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    internal ZarrMetadata ReadMetadata()
    {
        using DirectSourceFile? file = TryOpen(ZarrMetadata.FileName, out int error);
        if (file is null)
        {
            throw NoMetadata(error);
        }

        if (file.Bytes > ZarrMetadata.MaxBytes)
        {
            throw new InvalidDataException(
                $"'{file.Path}' has {file.Bytes:N0} bytes. {ZarrMetadata.MaxBytes:N0} are the most that is read.");
        }

        // Before it is read: if it is another one by then, it is read again when that matters.
        _ = TryStatus(ZarrMetadata.FileName, out Statx status);
        byte[] json = new byte[file.Bytes];
        SourceFileReader.Read(file, 0, json);
        ZarrMetadata read = ZarrMetadata.Parse(Path, json);
        _metadata = Identity(status);
        _seal = read.Seal;
        return read;
    }

    /// <summary>Opens a file in it.</summary>
    /// <param name="name">Its name, from the directory on.</param>
    /// <param name="error">Why there is none.</param>
    internal DirectSourceFile? TryOpen(string name, out int error) =>
        DirectSourceFile.TryOpen(_handle, name, PathOf(name), _engine, out error);

    public string PathOf(string name) => $"{Path}/{name}";

    /// <summary>Whether the dataset is still the one that was opened. Who deletes one deletes its metadata first: so a file of which this says
    /// yes after it was not found was never there. Metadata that was written anew is read again: it may mean the same.</summary>
    public bool IsSame()
    {
        if (TryStatus(ZarrMetadata.FileName, out Statx status) != 0)
        {
            return false;
        }

        using (Gate.Scope held = _gate.Enter())
        {
            if (_metadata == Identity(status))
            {
                return true;
            }
        }

        try
        {
            using DirectSourceFile? file = TryOpen(ZarrMetadata.FileName, out _);
            if (file is null || file.Bytes > ZarrMetadata.MaxBytes)
            {
                return false;
            }

            byte[] json = new byte[file.Bytes];
            if (SourceFileReader.TryRead(file, 0, json) != 0 || ZarrMetadata.Parse(Path, json).Seal != _seal)
            {
                return false;
            }
        }
        catch (InvalidDataException)
        {
            return false;
        }

        using (Gate.Scope held = _gate.Enter())
        {
            _metadata = Identity(status);
        }

        return true;
    }

    private static string NameOf(in Statx status) => string.Concat(
        status.stx_dev_major.ToString(CultureInfo.InvariantCulture),
        ":",
        status.stx_dev_minor.ToString(CultureInfo.InvariantCulture),
        string.Concat(":", status.stx_ino.ToString(CultureInfo.InvariantCulture)));

    private static (ulong Number, long Seconds, uint Nanoseconds) Identity(in Statx status) =>
        (status.stx_ino, status.stx_ctime_sec, status.stx_ctime_nsec);

    SourceFile? IDatasetFiles.TryOpen(string name, out int error) => TryOpen(name, out error);

    void IDatasetFiles.RemoveUser() => RemoveUser();

    /// <summary>Leaves something to be done until nobody in this process has a directory open any more.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="action">What is to be done then. It must not throw.</param>
    /// <returns>False when nobody has it open: then it is the caller's to do.</returns>
    internal static bool TryDefer(string path, Action action)
    {
        if (TryStatus(OpenFile.AT_FDCWD, path, 0, out Statx status) != 0)
        {
            return false;
        }

        using Gate.Scope held = s_gate.Enter();
        if (!s_open.TryGetValue(NameOf(status), out State? state))
        {
            return false;
        }

        state.OnLast += action;
        return true;
    }

    protected override void Close()
    {
        _handle.Dispose();
        Action? last = null;
        using (Gate.Scope held = s_gate.Enter())
        {
            State state = s_open[_identity];
            if (--state.Users == 0)
            {
                last = state.OnLast;
                s_open.Remove(_identity);
            }
        }

        // By who disposes the last array, so that all is gone when that returns; of arrays that were dropped, by the finalizer's thread.
        last?.Invoke();
    }

    private int TryStatus(string name, out Statx status)
    {
        bool isHeld = false;
        try
        {
            _handle.DangerousAddRef(ref isHeld);
            return TryStatus((int)_handle.DangerousGetHandle(), name, 0, out status);
        }
        finally
        {
            if (isHeld)
            {
                _handle.DangerousRelease();
            }
        }
    }

    private static int TryStatus(int directory, string path, int flags, out Statx status)
    {
        fixed (Statx* result = &status)
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            return FileStatus.statx(directory, bytes, flags, FileStatus.STATX_BASIC_STATS, result) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    private Exception NoMetadata(int error) => error switch
    {
        Errno.ENOENT when TryStatus(".zarray", out _) == 0 || TryStatus(".zgroup", out _) == 0 =>
            new InvalidDataException($"'{Path}' cannot be opened: it is of version 2 of the Zarr format, and version 3 is what is read here."),
        Errno.ENOENT => new InvalidDataException(
            $"'{Path}' is no dataset: it has no {ZarrMetadata.FileName}. Give the directory of a Zarr v3 array."),
        Errno.EISDIR or Errno.EINVAL => new InvalidDataException($"'{Path}' is no dataset: its {ZarrMetadata.FileName} is no regular file."),
        _ => Failure(PathOf(ZarrMetadata.FileName), error),
    };

    private static Exception NoDirectory(string path, int error) => error switch
    {
        Errno.ENOENT => new DirectoryNotFoundException(
            $"'{path}' cannot be opened: there is nothing of that name. Give the directory of a Zarr v3 array."),
        Errno.ENOTDIR => new IOException(
            $"'{path}' cannot be opened: it, or a part of the path, is no directory. A dataset is one, with a {ZarrMetadata.FileName} in it."),
        _ => Failure(path, error),
    };

    private static Exception Failure(string path, int error) => error switch
    {
        Errno.EACCES or Errno.EPERM => new UnauthorizedAccessException(
            $"'{path}' cannot be opened: permission denied. This user must be allowed to read it."),
        Errno.ENAMETOOLONG => new PathTooLongException($"'{path}' cannot be opened: the path is too long."),
        _ => new IOException($"'{path}' cannot be opened: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})."),
    };

    private sealed class State
    {
        internal int Users;
        internal Action? OnLast;
    }
}
