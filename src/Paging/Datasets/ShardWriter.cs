using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging.Codecs;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Datasets;

/// <summary>A shard that several threads write to, each what it has encoded, wherever there is room next; the last one writes the
/// index.</summary>
/// <remarks>Pieces begin at whole blocks, so that they can be written past the page cache. A shard without chunks is no file.</remarks>
/// <param name="path">The file.</param>
/// <param name="name">The file that it is to be, for exceptions: as long as the dataset is written it has another name.</param>
/// <param name="room">The chunks that a shard has room for.</param>
/// <param name="chunks">Those that this one has: the last shard may have fewer.</param>
internal sealed unsafe class ShardWriter(string path, string name, int room, int chunks) : IDisposable
{
    internal const int Block = SwapDevice.BufferAlignment;

    private readonly Gate _gate = new();

    /// <summary>Made with the file.</summary>
    private ulong[] _index = [];
    private SafeFileHandle? _file;

    /// <summary>Chunks that are not done with. n → n − k by the thread that has written k.</summary>
    private int _left = chunks;

    /// <summary>Where there is room next. Advanced by who takes it.</summary>
    private long _end;

    /// <summary>Whether the file system has refused to write past the page cache. Set by any thread, once.</summary>
    private bool _isBuffered;

    /// <summary>Writes encoded chunks.</summary>
    /// <param name="data">They, one after another, at a whole block, and room behind them up to the next one.</param>
    /// <param name="bytes">Their length.</param>
    /// <param name="places">Of each: its number in the shard, and its length.</param>
    /// <exception cref="IOException">They cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission.</exception>
    internal void Write(byte* data, int bytes, ReadOnlySpan<(int Chunk, int Bytes)> places)
    {
        int whole = (bytes + Block - 1) & -Block;
        new Span<byte>(data + bytes, whole - bytes).Clear();
        long offset = Interlocked.Add(ref _end, whole) - whole;
        WriteAt(Open(), data, whole, offset);
        foreach ((int chunk, int length) in places)
        {
            // Each entry is written by one thread; the last one to be done sees all.
            _index[2 * chunk] = (ulong)offset;
            _index[(2 * chunk) + 1] = (ulong)length;
            offset += length;
        }
    }

    /// <summary>Notes chunks as done with, written or left out.</summary>
    /// <returns>True for the thread that was the last: it is to <see cref="Complete"/>.</returns>
    internal bool NoteDone(int count) => Interlocked.Add(ref _left, -count) == 0;

    /// <summary>Writes the index, and has all of the file written to the disk.</summary>
    internal void Complete()
    {
        if (_file is not { } file)
        {
            return;
        }

        int bytes = (_index.Length * sizeof(ulong)) + Crc32C.Bytes;
        int whole = (bytes + Block - 1) & -Block;
        byte* buffer = (byte*)NativeMemory.AlignedAlloc((nuint)whole, Block);
        try
        {
            var all = new Span<byte>(buffer, whole);
            MemoryMarshal.AsBytes<ulong>(_index).CopyTo(all);
            BinaryPrimitives.WriteUInt32LittleEndian(all[(bytes - Crc32C.Bytes)..], Crc32C.Of(all[..(bytes - Crc32C.Bytes)]));
            all[bytes..].Clear();
            WriteAt(file, buffer, whole, _end);
            int descriptor = (int)file.DangerousGetHandle();
            Check(Repeat(() => FileSpace.ftruncate(descriptor, _end + bytes)));
            Check(Repeat(() => Rename.fsync(descriptor)));
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }

        Dispose();
    }

    public void Dispose() => Interlocked.Exchange(ref _file, null)?.Dispose();

    private static ulong[] MakeIndex(int room)
    {
        ulong[] index = new ulong[2 * room];
        Array.Fill(index, ulong.MaxValue);
        return index;
    }

    private SafeFileHandle Open()
    {
        if (Volatile.Read(ref _file) is { } open)
        {
            return open;
        }

        using Gate.Scope held = _gate.Enter();
        if (_file is null)
        {
            SafeFileHandle file = Create();
            int descriptor = (int)file.DangerousGetHandle();
            int flags = OpenFile.fcntl(descriptor, OpenFile.F_GETFL, 0);
            _index = MakeIndex(room);
            Volatile.Write(ref _isBuffered, OpenFile.fcntl(descriptor, OpenFile.F_SETFL, flags | OpenFile.O_DIRECT) != 0);
            Volatile.Write(ref _file, file);
        }

        return _file;
    }

    /// <summary>Makes a directory for shards, if it is not there.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="name">What it is to be, for exceptions.</param>
    internal static void MakeDirectory(string path, string name)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DatasetErrors.Of(name, e);
        }
    }

    private SafeFileHandle Create()
    {
        MakeDirectory(Path.GetDirectoryName(path)!, Path.GetDirectoryName(name)!);
        try
        {
            return File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DatasetErrors.Of(name, e);
        }
    }

    private void WriteAt(SafeFileHandle file, byte* data, int bytes, long offset)
    {
        CheckLimit(offset + bytes);
        int descriptor = (int)file.DangerousGetHandle();
        while (bytes > 0)
        {
            TestHook.MayFail(FailurePoint.DeviceWrite);
            nint written = Transfer.pwrite(descriptor, data, (nuint)bytes, offset);
            if (written < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error == Errno.EINVAL && !Volatile.Read(ref _isBuffered))
                {
                    // Some file systems refuse only the first transfer; others a piece that does not begin at a block, after a short one.
                    Volatile.Write(ref _isBuffered, true);
                    int flags = OpenFile.fcntl(descriptor, OpenFile.F_GETFL, 0);
                    _ = OpenFile.fcntl(descriptor, OpenFile.F_SETFL, flags & ~OpenFile.O_DIRECT);
                }
                else if (error != Errno.EINTR)
                {
                    throw DatasetErrors.Of(name, error);
                }

                continue;
            }

            data += written;
            offset += written;
            bytes -= (int)written;
        }

        GC.KeepAlive(file);
    }

    /// <summary>To grow a file beyond this limit brings a signal that ends the process.</summary>
    private void CheckLimit(long bytes)
    {
        RLimit limit;
        if (FileSpace.getrlimit(FileSpace.RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < (ulong)bytes)
        {
            throw DatasetErrors.OfLimit(name, bytes, limit.rlim_cur);
        }
    }

    private static int Repeat(Func<int> call)
    {
        while (call() != 0)
        {
            if (Marshal.GetLastPInvokeError() is not Errno.EINTR and int error)
            {
                return error;
            }
        }

        return 0;
    }

    private void Check(int error)
    {
        if (error != 0)
        {
            throw DatasetErrors.Of(name, error);
        }
    }
}
