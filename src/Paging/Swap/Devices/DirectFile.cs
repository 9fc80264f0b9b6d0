using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>A file without a name, read and written past the page cache where its file system allows that.</summary>
/// <remarks>Its space is set aside when it is opened, so that a full disk is noticed then. Space that <see cref="Trim"/> has handed back is
/// not set aside any more: a later write there may find the disk full.</remarks>
internal sealed unsafe class DirectFile : SwapDevice
{
    private readonly SafeFileHandle _file;
    private readonly IoEngine _engine;
    private readonly LongReadWindow _window;
    private readonly TransferCount _underWay = new();

    private DirectFile(SafeFileHandle file, string path, long bytes, IoEngine engine, bool isDirect)
    {
        _file = file;
        _engine = engine;
        _window = engine.WindowOf(file);
        Path = path;
        Bytes = bytes;
        IsDirect = isDirect;
    }

    /// <summary>The path that was given. The file does not have that name; if anything has it, it is the directory that was
    /// given.</summary>
    internal override string Path { get; }

    internal override long Bytes { get; }

    internal override int BlockBytes => BufferAlignment;

    internal override bool KnowsWrites => false;

    internal override bool IsDirect { get; }

    internal override (long Now, long Given) FileBytes
    {
        get
        {
            if (!_underWay.TryEnter())
            {
                return default;
            }

            try
            {
                byte empty = 0;
                Statx status;
                int descriptor = (int)_file.DangerousGetHandle();
                return FileStatus.statx(descriptor, &empty, FileStatus.AT_EMPTY_PATH, FileStatus.STATX_BASIC_STATS, &status) == 0
                    ? ((long)status.stx_size, Bytes)
                    : default;
            }
            finally
            {
                _underWay.Exit();
                GC.KeepAlive(this);
            }
        }
    }

    /// <summary>Checks a size before anything is opened.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive, or no multiple of 4096.</exception>
    internal static void ValidateBytes(long bytes, [CallerArgumentExpression(nameof(bytes))] string parameter = "")
    {
        if (bytes <= 0 || bytes % BufferAlignment != 0)
        {
            SwapFileErrors.ThrowSize(bytes, parameter);
        }
    }

    /// <summary>Creates a file and sets its space aside.</summary>
    /// <param name="path">An existing directory, or a name that does not exist yet in an existing directory.</param>
    /// <param name="bytes">Positive, and a multiple of 4096.</param>
    /// <param name="engine">Carries out what is submitted. It must outlive the file, and may serve several.</param>
    /// <param name="abilities">Which abilities of the file system to try.</param>
    /// <exception cref="ArgumentException">The path is empty, or has a zero character in it.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive, or no multiple of 4096.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no directory to create the file in.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to create a file there.</exception>
    /// <exception cref="IOException">The name exists already, or the disk is too full, or the system refuses otherwise.</exception>
    internal static DirectFile Open(string path, long bytes, IoEngine engine, FileAbilities abilities = FileAbilities.All)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ValidateBytes(bytes);
        SafeFileHandle file = SwapFileBirth.Create(path, bytes, abilities);
        try
        {
            bool isDirect = abilities.HasFlag(FileAbilities.Direct) && PageCache.TryBypass((int)file.DangerousGetHandle());
            return new DirectFile(file, path, bytes, engine, isDirect);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    internal override int Read(long offset, byte* buffer, int length, ulong stamp)
    {
        Debug.Assert(length % BlockBytes == 0, "whole blocks are read");
        return Run(IoOperation.Read, offset, buffer, length);
    }

    internal override int Write(long offset, byte* buffer, int length, ulong stamp) => Run(IoOperation.Write, offset, buffer, length);

    internal override void Submit(IoRequest request)
    {
        int length = WholeBlocks(request.Offset, request.Buffer, request.Length);
        if (!_underWay.TryEnter())
        {
            request.Complete(Errno.EBADF);
            return;
        }

        request.Counted = _underWay;
        request.Window = request.Operation == IoOperation.Read && length > LongReadWindow.ShortBytes ? _window : null;
        request.Progress = new TransferProgress(length);
        _engine.Submit(_file, request);
    }

    internal override int Trim(long offset, long length)
    {
        Debug.Assert(offset >= 0 && length >= 0 && offset + length <= Bytes && (offset | length) % BlockBytes == 0, "a range of blocks");
        if (length == 0)
        {
            return 0;
        }

        if (!_underWay.TryEnter())
        {
            return Errno.EBADF;
        }

        int descriptor = (int)_file.DangerousGetHandle();
        int error;
        try
        {
            do
            {
                error = FileSpace.fallocate(descriptor, FileSpace.FALLOC_FL_PUNCH_HOLE | FileSpace.FALLOC_FL_KEEP_SIZE, offset, length) == 0
                    ? 0
                    : Marshal.GetLastPInvokeError();
            }
            while (error == Errno.EINTR);
        }
        finally
        {
            _underWay.Exit();
        }

        GC.KeepAlive(this);
        return error;
    }

    public override void Dispose()
    {
        _underWay.Close();
        _file.Dispose();
    }

    private int Run(IoOperation operation, long offset, byte* buffer, int length)
    {
        int blocks = WholeBlocks(offset, buffer, length);
        if (!_underWay.TryEnter())
        {
            return Errno.EBADF;
        }

        // While the transfer is counted, Dispose does not close the descriptor, and this object stays alive, and with it the handle.
        int error;
        try
        {
            error = BlockingTransfer.Run((int)_file.DangerousGetHandle(), operation, buffer, blocks, offset);
        }
        finally
        {
            _underWay.Exit();
        }

        GC.KeepAlive(this);
        return error;
    }

    private int WholeBlocks(long offset, byte* buffer, int length)
    {
        int blocks = checked(length + BufferAlignment - 1) & -BufferAlignment;
        Debug.Assert(length > 0 && offset >= 0 && offset % BlockBytes == 0 && offset + blocks <= Bytes, "a range of blocks of the file");
        Debug.Assert((nuint)buffer % BufferAlignment == 0, "an aligned buffer");
        return blocks;
    }
}
