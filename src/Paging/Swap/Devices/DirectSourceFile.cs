using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>A regular file that is read past the page cache where its file system allows that; elsewhere through it, and then what was read
/// does not stay there if the kernel knows how.</summary>
internal sealed unsafe class DirectSourceFile : SourceFile
{
    private const int Block = SwapDevice.BufferAlignment;

    private readonly SafeFileHandle _file;
    private readonly IoEngine _engine;
    private readonly LongReadWindow _window;
    private readonly TransferCount _underWay = new();

    /// <summary>Of a file that is read through the page cache: whether the kernel has refused to let what is read leave it again. Set by
    /// any thread, once.</summary>
    private bool _stays;

    private DirectSourceFile(SafeFileHandle file, string path, long bytes, IoEngine engine, bool isDirect)
    {
        _file = file;
        _engine = engine;
        _window = engine.WindowOf(file);
        Path = path;
        Bytes = bytes;
        IsDirect = isDirect;
    }

    internal override string Path { get; }

    internal override long Bytes { get; }

    internal override long BytesNow
    {
        get
        {
            if (!_underWay.TryEnter())
            {
                return -1;
            }

            try
            {
                return TryStatus((int)_file.DangerousGetHandle(), string.Empty, FileStatus.AT_EMPTY_PATH, out Statx status) == 0
                    ? (long)status.stx_size
                    : -1;
            }
            finally
            {
                _underWay.Exit();
                GC.KeepAlive(this);
            }
        }
    }

    internal override bool IsDirect { get; }

    /// <summary>Opens a regular file to read it.</summary>
    /// <param name="path">The file, or a link to it.</param>
    /// <param name="engine">Carries out what is submitted. It must outlive the file, and may serve several.</param>
    /// <param name="bypass">Whether to try to read past the page cache.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="DirectoryNotFoundException">A part of the path is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to read it.</exception>
    /// <exception cref="IOException">It is not a regular file, or the system refuses otherwise.</exception>
    internal static DirectSourceFile Open(string path, IoEngine engine, bool bypass = true)
    {
        // Looked at before it is opened: opening some devices does something. And again afterwards, since the name may be another file's by
        // then. Without O_NONBLOCK the thread would sleep in a FIFO that nobody writes to.
        CheckKind(path, TryStatus(OpenFile.AT_FDCWD, path, flags: 0, out Statx before), before);
        int error = TryOpen(OpenFile.AT_FDCWD, path, out SafeFileHandle? file);
        if (file is null)
        {
            SourceFileErrors.Throw(path, error);
        }

        try
        {
            int descriptor = (int)file.DangerousGetHandle();
            CheckKind(path, TryStatus(descriptor, string.Empty, FileStatus.AT_EMPTY_PATH, out Statx status), status);
            return new DirectSourceFile(file, path, (long)status.stx_size, engine, TrySetMode(descriptor, bypass && status.stx_size > 0));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file in a directory that is open.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="name">The name of the file in it; it may lie in directories below.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="engine">As for <see cref="Open"/>.</param>
    /// <param name="error">Why there is none: the system's error number; EISDIR, EINVAL where it is no regular file.</param>
    internal static DirectSourceFile? TryOpen(SafeFileHandle directory, string name, string path, IoEngine engine, out int error)
    {
        bool isHeld = false;
        SafeFileHandle? file = null;
        try
        {
            directory.DangerousAddRef(ref isHeld);
            int from = (int)directory.DangerousGetHandle();
            error = TryStatus(from, name, flags: 0, out Statx status);
            error = error != 0 ? error : KindError(status);
            error = error != 0 ? error : TryOpen(from, name, out file);
            if (file is null)
            {
                return null;
            }

            int descriptor = (int)file.DangerousGetHandle();
            error = TryStatus(descriptor, string.Empty, FileStatus.AT_EMPTY_PATH, out status);
            error = error != 0 ? error : KindError(status);
            if (error != 0)
            {
                return null;
            }

            var opened = new DirectSourceFile(file, path, (long)status.stx_size, engine, TrySetMode(descriptor, status.stx_size > 0));
            file = null;
            return opened;
        }
        finally
        {
            file?.Dispose();
            if (isHeld)
            {
                directory.DangerousRelease();
            }
        }
    }

    internal override int Read(long offset, byte* buffer, int length, int wanted)
    {
        Check(offset, buffer, length, wanted);
        if (!_underWay.TryEnter())
        {
            return Errno.EBADF;
        }

        // While the read is counted, Dispose does not close the descriptor, and this object stays alive, and with it the handle.
        int error;
        try
        {
            error = Run((int)_file.DangerousGetHandle(), offset, buffer, new TransferProgress(length, wanted));
        }
        finally
        {
            _underWay.Exit();
        }

        GC.KeepAlive(this);
        return error;
    }

    internal override void Submit(IoRequest request, int wanted)
    {
        Debug.Assert(IsDirect && request.Operation == IoOperation.Read, "only what bypasses the page cache is submitted");
        Check(request.Offset, request.Buffer, request.Length, wanted);
        if (!_underWay.TryEnter())
        {
            request.Complete(Errno.EBADF);
            return;
        }

        request.Counted = _underWay;
        request.Window = request.Length > LongReadWindow.ShortBytes ? _window : null;
        request.Progress = new TransferProgress(request.Length, wanted);
        _engine.Submit(_file, request);
    }

    public override void Dispose()
    {
        _underWay.Close();
        _file.Dispose();
    }

    private int Run(int descriptor, long offset, byte* buffer, TransferProgress progress)
    {
        int error;
        nint read;
        do
        {
            byte* rest = buffer + progress.Done;
            long at = offset + progress.Done;
            read = IsDirect || Volatile.Read(ref _stays)
                ? Transfer.pread(descriptor, rest, (nuint)progress.Remaining, at)
                : Transfer.preadv2(descriptor, rest, (nuint)progress.Remaining, at, Transfer.RWF_DONTCACHE);
            if (read < 0)
            {
                read = -Marshal.GetLastPInvokeError();
                if (!IsDirect && !Volatile.Read(ref _stays) && -read is Errno.EOPNOTSUPP or Errno.EINVAL or Errno.ENOSYS or Errno.EPERM)
                {
                    // Not by this kernel, or not on this file system. Then the cache keeps it as it sees fit.
                    Volatile.Write(ref _stays, true);
                    read = -Errno.EINTR;
                }
            }
        }
        while (!progress.Advance(read, out error));
        return error;
    }

    [Conditional("DEBUG")]
    private static void Check(long offset, byte* buffer, int length, int wanted)
    {
        Debug.Assert(offset >= 0 && offset % Block == 0 && length > 0 && length % Block == 0, "whole blocks are read");
        Debug.Assert(wanted > 0 && wanted <= length, "of which some are wanted");
        Debug.Assert((nuint)buffer % Block == 0, "an aligned buffer");
    }

    private static void CheckKind(string path, int error, in Statx status)
    {
        if (error != 0)
        {
            SourceFileErrors.Throw(path, error);
        }

        int kind = status.stx_mode & FileStatus.S_IFMT;
        if (kind != FileStatus.S_IFREG)
        {
            SourceFileErrors.ThrowKind(path, kind);
        }
    }

    private static int KindError(in Statx status) => (status.stx_mode & FileStatus.S_IFMT) switch
    {
        FileStatus.S_IFREG => 0,
        FileStatus.S_IFDIR => Errno.EISDIR,
        _ => Errno.EINVAL,
    };

    private static int TryOpen(int directory, string path, out SafeFileHandle? file)
    {
        const int Flags = OpenFile.O_RDONLY | OpenFile.O_CLOEXEC | OpenFile.O_NONBLOCK | OpenFile.O_NOCTTY;
        fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
        {
            int descriptor;
            int error;
            do
            {
                descriptor = OpenFile.openat(directory, bytes, Flags, 0);
                error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            }
            while (error == Errno.EINTR);
            file = descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
            return error;
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

    /// <summary>Clears O_NONBLOCK, with which io_uring would refuse to wait for the disk.</summary>
    /// <returns>Whether the page cache is bypassed.</returns>
    private static bool TrySetMode(int descriptor, bool bypass)
    {
        int flags = OpenFile.fcntl(descriptor, OpenFile.F_GETFL, 0);
        _ = OpenFile.fcntl(descriptor, OpenFile.F_SETFL, flags & ~OpenFile.O_NONBLOCK);
        return bypass && PageCache.TryBypass(descriptor);
    }
}
