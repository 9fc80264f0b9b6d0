using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>How many bytes of long reads are under way at once on the files of one file system. The rest waits in the queue of the engine,
/// where what is short overtakes it, and what is written, too: how many writes there are at once is for those to say who write.</summary>
/// <remarks>
/// A disk needs no more: one of 10 GB/s that answers within 100 µs has 1 MB under way. More makes all of it later, and a disk that answers
/// several requests at a time, as those of many virtual machines do, answers none before it has worked on all of them: then processors
/// wait for a disk that afterwards waits for them.
///
/// Of the threads of one engine. They enter under its lock, and leave without.
/// </remarks>
internal sealed unsafe class IoWindow
{
    /// <summary>So long as fewer bytes are under way, another one begins.</summary>
    internal const int MaxBytes = 1 << 20;

    /// <summary>What is no longer is short, and not counted: one page, or a few.</summary>
    internal const int ShortBytes = 64 << 10;

    private int _bytes;

    /// <summary>Takes the room of a read. Under the lock of the engine.</summary>
    /// <returns>False when it has to wait for another one's end.</returns>
    internal bool TryEnter(int bytes)
    {
        if (Volatile.Read(ref _bytes) >= MaxBytes)
        {
            return false;
        }

        // Races with reads that end, which only makes more room.
        Interlocked.Add(ref _bytes, bytes);
        return true;
    }

    /// <summary>Gives the room back. Any thread.</summary>
    internal void Exit(int bytes) => Interlocked.Add(ref _bytes, -bytes);

    /// <summary>Tells file systems apart.</summary>
    /// <returns>0 when the system does not say.</returns>
    internal static ulong FileSystemOf(int descriptor)
    {
        Statx status;
        byte empty = 0;
        return FileStatus.statx(descriptor, &empty, FileStatus.AT_EMPTY_PATH, FileStatus.STATX_TYPE, &status) == 0
            ? ((ulong)status.stx_dev_major << 32) | status.stx_dev_minor
            : 0;
    }
}
