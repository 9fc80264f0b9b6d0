using Paging.Swap.Devices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Datasets;

/// <summary>The files of a dataset that are open: a few of them, those that were used last.</summary>
/// <remarks>Nobody waits here: two threads that need the same file at the same time may both open it, and the second one's is closed
/// again.</remarks>
internal sealed class ShardCache
{
    /// <summary>Bytes of indices that are kept, unless a single one is longer than a quarter of it.</summary>
    private const long MaxIndexBytes = 64 << 20;
    private const int MaxFiles = 256;
    private const int Ways = 4;

    private readonly Slot?[] _slots;

    /// <param name="files">Of the dataset.</param>
    /// <param name="indexBytes">Of each.</param>
    /// <param name="maxBytes">Of all that are kept, where that is less than always.</param>
    internal ShardCache(long files, long indexBytes, long maxBytes)
    {
        long most = Math.Clamp(Math.Min(MaxIndexBytes, maxBytes) / Math.Max(1, indexBytes), Ways, MaxFiles);
        _slots = new Slot?[Math.Max(1, (Math.Min(files, most) + Ways - 1) / Ways) * Ways];
    }

    /// <summary>The file of a number, if it is open.</summary>
    /// <returns>As one more user of it; null when it is not open.</returns>
    internal SharedSource? TryGet(long number)
    {
        int first = SetOf(number);
        for (int i = first; i < first + Ways; i++)
        {
            if (Shared.Read(SharedWord.Counter, ref _slots[i]) is { } slot && slot.Number == number && slot.Source.TryAddUser())
            {
                // A hint, which any thread may set.
                Volatile.Write(ref slot.IsUsed, true);
                return slot.Source;
            }
        }

        return null;
    }

    /// <summary>Keeps a file that was opened, in place of one that was not used since the last look.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="source">The file, of which the caller is a user and stays one.</param>
    internal void Add(long number, SharedSource source)
    {
        if (!source.TryAddUser())
        {
            return;
        }

        var added = new Slot(number, source);
        int first = SetOf(number);
        int victim = first + (int)((ulong)number % Ways);
        for (int i = first; i < first + Ways; i++)
        {
            Slot? slot = Shared.Read(SharedWord.Counter, ref _slots[i]);
            if (slot is null)
            {
                victim = i;
                break;
            }

            if (slot.Number == number)
            {
                // Another thread was faster.
                source.RemoveUser();
                return;
            }

            if (!Volatile.Read(ref slot.IsUsed))
            {
                victim = i;
            }

            Volatile.Write(ref slot.IsUsed, false);
        }

        // The file before → this one. Races with threads that add others; what was there is the exchanger's to let go of.
        Shared.Exchange(SharedWord.Counter, ref _slots[victim], added)?.Source.RemoveUser();
    }

    /// <summary>Lets go of all files. Nobody asks for one any more.</summary>
    internal void Clear()
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            Shared.Exchange(SharedWord.Counter, ref _slots[i], null)?.Source.RemoveUser();
        }
    }

    private int SetOf(long number) => (int)((ulong)number % (ulong)(_slots.Length / Ways)) * Ways;

    private sealed class Slot(long number, SharedSource source)
    {
        internal readonly long Number = number;
        internal readonly SharedSource Source = source;
        internal bool IsUsed = true;
    }
}
