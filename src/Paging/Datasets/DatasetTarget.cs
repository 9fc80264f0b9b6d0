using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Paging.Formats;
using Paging.Interop;
using Paging.Swap.Devices;

namespace Paging.Datasets;

/// <summary>The directory that a dataset is written to: under a name of its own, until it is complete and takes the name that was asked
/// for.</summary>
/// <remarks>
/// <para>What is left behind when the process is killed has a name that begins with <see cref="Prefix"/>, in the directory that the dataset
/// was to be in; the next one that is saved there deletes it. It knows by a file of the same name with <see cref="LockSuffix"/>, which the
/// process that writes has locked as long as it lives.</para>
/// <para>Not thread-safe.</para>
/// </remarks>
internal sealed unsafe class DatasetTarget : IDisposable
{
    internal const string Prefix = ".paging-saving-";
    internal const string LockSuffix = ".lock";

    private const string OldSuffix = ".old";
    private const int Tries = 16;

    private readonly string _path;
    private readonly string _parent;
    private readonly bool _overwrite;
    private FileStream? _lock;
    private bool _exists;

    /// <summary>Checks that a dataset can have a name, and makes the directory that it is written to.</summary>
    /// <param name="path">The name that it is to have.</param>
    /// <param name="overwrite">Whether it may replace a dataset.</param>
    /// <exception cref="ArgumentException">The path is no name.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no directory for it to be in.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to write there.</exception>
    /// <exception cref="IOException">The name is taken, or the system refuses.</exception>
    internal DatasetTarget(string path, bool overwrite)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

        // A link stays one, and what it leads to is replaced.
        _path = new DirectoryInfo(full) is { LinkTarget: not null } link && link.ResolveLinkTarget(returnFinalTarget: true) is { } target
            ? target.FullName
            : full;
        _parent = Path.GetDirectoryName(_path)
            ?? throw new ArgumentException($"'{path}' is the root of the file system, which is no name for a dataset.", nameof(path));
        _overwrite = overwrite;
        if (!Directory.Exists(_parent))
        {
            throw new DirectoryNotFoundException($"'{path}' cannot be saved: there is no directory '{_parent}'. Make it first.");
        }

        CheckName();
        DeleteOrphans();
        try
        {
            Location = MakeDirectory();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw DatasetErrors.OfParent(_path, _parent, e);
        }
    }

    /// <summary>The name that it is to have, in full.</summary>
    internal string Name => _path;

    /// <summary>Where the files of the dataset go until it is complete.</summary>
    internal string Location { get; private set; } = string.Empty;

    /// <summary>Gives the dataset its name. All its files have been written, and are on the disk.</summary>
    /// <exception cref="IOException">The name has been taken meanwhile, or the system refuses. It can be tried again.</exception>
    internal void Complete()
    {
        foreach (string directory in Directory.EnumerateDirectories(Location, "*", SearchOption.AllDirectories))
        {
            Sync(directory);
        }

        Sync(Location);
        int error;
        int tries = 0;
        do
        {
            // Another process, or another save of this one, may come or go between the look and the renaming.
            CheckName();
            error = _exists ? TryReplace() : TryName();
        }
        while (_overwrite && error is Errno.EEXIST or Errno.ENOTEMPTY or Errno.ENOENT && ++tries < Tries);
        if (error != 0)
        {
            throw error is Errno.EEXIST or Errno.ENOTEMPTY
                ? new IOException($"'{_path}' exists by now. The new dataset was not kept: save it under another name.")
                : DatasetErrors.Of(_path, error);
        }

        Sync(_parent);
    }

    /// <summary>Deletes what is not the dataset: all of it, unless it is complete.</summary>
    public void Dispose()
    {
        if (_lock is not { } held)
        {
            return;
        }

        _lock = null;
        string left = Location;
        if (left.Length == 0 || !DatasetDirectory.TryDefer(left, () => Delete(left, held)))
        {
            Delete(left, held);
        }
    }

    /// <summary>Deletes a dataset, its metadata first: see <see cref="DatasetDirectory.IsSame"/>.</summary>
    private static void Delete(string directory, FileStream held)
    {
        try
        {
            if (Directory.Exists(directory))
            {
                File.Delete(Path.Combine(directory, ZarrMetadata.FileName));
                Directory.Delete(directory, recursive: true);
            }

            File.Delete(held.Name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be deleted now is an orphan.
        }
        finally
        {
            held.Dispose();
        }
    }

    private void CheckName()
    {
        if (File.Exists(_path))
        {
            throw new IOException($"'{_path}' cannot be saved: it is a file, and a dataset is a directory. Choose another name.");
        }

        _exists = Directory.Exists(_path);
        if (!_exists)
        {
            return;
        }

        if (!_overwrite)
        {
            throw new IOException($"'{_path}' exists. Choose another name, or set {nameof(DatasetOptions.Overwrite)} to replace a dataset.");
        }

        string metadata = Path.Combine(_path, ZarrMetadata.FileName);
        if (!File.Exists(metadata))
        {
            if (Directory.EnumerateFileSystemEntries(_path).Any())
            {
                throw new IOException(
                    $"'{_path}' is not replaced: it is no dataset, since it has no {ZarrMetadata.FileName}, and it is not empty. Delete it first.");
            }
        }
        else if (!ZarrJson.IsArray(metadata))
        {
            throw new IOException(
                $"'{_path}' is not replaced: its {ZarrMetadata.FileName} does not say that it is an array. It may be a group, with arrays of its " +
                "own. Delete it first, or save under a name in it.");
        }
    }

    private string MakeDirectory()
    {
        for (int i = 0; i < Tries; i++)
        {
            string name = Path.Combine(_parent, Prefix + Random());
            FileStream held;
            try
            {
                held = OpenLock(name + LockSuffix, FileMode.CreateNew);
            }
            catch (IOException) when (File.Exists(name + LockSuffix))
            {
                // Another save has come upon it before it was locked, while it looked for orphans. No other save draws this name.
                File.Delete(name + LockSuffix);
                continue;
            }

            try
            {
                int error = Lock(held);
                if (error == Errno.EAGAIN)
                {
                    // The same, a moment later.
                    Delete(string.Empty, held);
                    continue;
                }

                // The machine is named under the lock only, or another save that has the lock for a moment would take this for an orphan. Where
                // there are no locks nothing is named, and what is left stays.
                if (error == 0)
                {
                    held.Write(Encoding.UTF8.GetBytes(Host));
                }

                Directory.CreateDirectory(name);
                _lock = held;
                return name;
            }
            catch
            {
                Delete(string.Empty, held);
                throw;
            }
        }

        throw new IOException("No name for a new directory could be had.");
    }

    /// <summary>Deletes what processes of this machine have left that were killed. A lock may be known to one machine only.</summary>
    private void DeleteOrphans()
    {
        try
        {
            foreach (string path in Directory.GetFiles(_parent, $"{Prefix}*{LockSuffix}"))
            {
                string directory = path[..^LockSuffix.Length];
                bool hasOld = Directory.Exists(directory + OldSuffix);
                if (IsLink(path) || IsLink(directory) || IsLink(directory + OldSuffix) || (hasOld && Directory.Exists(directory)))
                {
                    // Not made here; or killed between two renamings: both are whole, and somebody's.
                    continue;
                }

                FileStream held = OpenLock(path, FileMode.Open);
                if (Lock(held) != 0 || !IsOfThisMachine(held))
                {
                    held.Dispose();
                    continue;
                }

                string left = hasOld ? directory + OldSuffix : directory;
                Delete(Directory.Exists(left) ? left : string.Empty, held);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's, or gone meanwhile. Nothing depends on it.
        }
    }

    private static bool IsLink(string path) => new FileInfo(path).LinkTarget is not null;

    private static string Host => Environment.MachineName;

    private static bool IsOfThisMachine(FileStream held)
    {
        byte[] host = Encoding.UTF8.GetBytes(Host);
        byte[] seen = new byte[host.Length];
        return held.Length == host.Length
            && held.ReadAtLeast(seen, seen.Length, throwOnEndOfStream: false) == seen.Length
            && seen.AsSpan().SequenceEqual(host);
    }

    private static FileStream OpenLock(string path, FileMode mode) =>
        new(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    /// <summary>Locks a file until it is closed, against other processes and other saves of this one.</summary>
    /// <returns>0; EAGAIN when another has it; another error where there are no locks.</returns>
    private static int Lock(FileStream file)
    {
        int error;
        do
        {
            error = FileLock.flock((int)file.SafeFileHandle.DangerousGetHandle(), FileLock.LOCK_EX | FileLock.LOCK_NB) == 0
                ? 0
                : Marshal.GetLastPInvokeError();
        }
        while (error == Errno.EINTR);
        return error;
    }

    /// <summary>Gives it a name that nothing has.</summary>
    private int TryName()
    {
        int error = TryRename(Location, _path, Rename.RENAME_NOREPLACE);
        if (MayBeRefusal(error))
        {
            // Who makes something of that name in this moment is refused it, unless it is an empty directory.
            error = TryRename(Location, _path);
        }

        if (error == 0)
        {
            Location = string.Empty;
        }

        return error;
    }

    /// <summary>Gives it the name of another, whose directory is then the one to be deleted.</summary>
    private int TryReplace()
    {
        int error = TryRename(Location, _path, Rename.RENAME_EXCHANGE);
        if (!MayBeRefusal(error))
        {
            return error;
        }

        // For a moment there is none of that name.
        string aside = Location + OldSuffix;
        error = TryRename(_path, aside);
        if (error != 0)
        {
            return error;
        }

        error = TryRename(Location, _path);
        if (error != 0)
        {
            if (TryRename(aside, _path) != 0)
            {
                throw new IOException($"'{_path}' could not be replaced (errno {error}), and what was there is now '{aside}'.");
            }
        }
        else
        {
            Location = aside;
        }

        return error;
    }

    /// <summary>Whether a renaming with flags may have failed because there is none: the file system has none (EINVAL, or EOPNOTSUPP of one
    /// that is a program), or a sandbox lets no such call pass (ENOSYS, EPERM). Where it has failed for another reason, the plain renaming
    /// fails for that, too.</summary>
    private static bool MayBeRefusal(int error) => error is Errno.EINVAL or Errno.ENOSYS or Errno.EOPNOTSUPP or Errno.EPERM;

    /// <param name="from">What is renamed.</param>
    /// <param name="to">Its new name.</param>
    /// <param name="flags">0 for the system call that is everywhere.</param>
    /// <returns>0 or an error number.</returns>
    private static int TryRename(string from, string to, uint flags = 0)
    {
        fixed (byte* source = Encoding.UTF8.GetBytes(from + '\0'))
        fixed (byte* target = Encoding.UTF8.GetBytes(to + '\0'))
        {
            int result = flags == 0 ? Rename.rename(source, target) : Rename.renameat2(source, target, flags);
            return result == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Has the names in a directory written to the disk.</summary>
    private static void Sync(string directory)
    {
        fixed (byte* path = Encoding.UTF8.GetBytes(directory + '\0'))
        {
            int descriptor = OpenFile.openat(OpenFile.AT_FDCWD, path, OpenFile.O_RDONLY | OpenFile.O_CLOEXEC | OpenFile.O_DIRECTORY, 0);
            if (descriptor < 0)
            {
                throw DatasetErrors.Of(directory, Marshal.GetLastPInvokeError());
            }

            using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            if (Rename.fsync(descriptor) != 0 && Marshal.GetLastPInvokeError() is not Errno.EINVAL and int error)
            {
                throw DatasetErrors.Of(directory, error);
            }
        }
    }

    private static string Random()
    {
        Span<byte> drawn = stackalloc byte[8];
        int error = SystemRandom.Fill(drawn);
        return error == 0 ? Convert.ToHexStringLower(drawn) : throw DatasetErrors.Of("a name", error);
    }
}
