using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>Reads of entries that a thread has begun because it is about to load their pages, one after another: the device has all of them
/// at once. The loads of this thread find them (<see cref="PageLoader"/>), and those of other threads do not.</summary>
/// <remarks>
/// A read changes nothing: whether it is of use is seen when the page is loaded, under the rules of every load, and if it is not, the page
/// is read as if there had been none. It has its buffer from those that nobody waits for (<see cref="BounceBuffers.TryRentAhead"/>), so
/// that a thread that has reads under way may wait for a buffer.
///
/// The thread is inside the pager's rundown from <see cref="Begin"/> to the end of <see cref="End()"/>, which waits for the device: no buffer
/// and no file goes meanwhile.
/// </remarks>
internal sealed class EntryReads
{
    /// <summary>Pages for which a thread begins reads at once.</summary>
    internal const int PagesAtOnce = 16;

    /// <summary>Reads under way for one thread, at most: those of pages that it is at, and of the next ones.</summary>
    internal const int Max = 2 * PagesAtOnce;

    [ThreadStatic]
    private static EntryReads? s_ofThread;

    private readonly EntryRead[] _reads = new EntryRead[Max];
    private PageLoader? _loader;
    private int _count;

    private EntryReads()
    {
        for (int i = 0; i < Max; i++)
        {
            _reads[i] = new EntryRead();
        }
    }

    /// <summary>Begins to read the entry of a stored page, if it is in a file and there is a buffer.</summary>
    internal static void Begin(PageLoader loader, uint stored)
    {
        EntryReads reads = s_ofThread ??= new EntryReads();
        if (reads._count < Max && loader.TryBeginRead(stored, reads._reads[reads._count]))
        {
            reads._loader = loader;
            reads._count++;
        }
    }

    /// <summary>Reads of this thread that are under way.</summary>
    internal static int Count => s_ofThread?._count ?? 0;

    /// <summary>Ends all reads of this thread. It must not throw, and does not.</summary>
    internal static void End() => End(Max);

    /// <summary>Ends the reads that this thread began first.</summary>
    /// <param name="count">How many, at most.</param>
    internal static void End(int count)
    {
        if (s_ofThread is not { _count: > 0 } reads)
        {
            return;
        }

        // Only a scheduler that ends a run gets out of a wait. Then the thread must not meet these reads in the next one.
        s_ofThread = null;
        int ended = Math.Min(count, reads._count);
        for (int i = 0; i < ended; i++)
        {
            reads._loader!.EndRead(reads._reads[i]);
        }

        for (int i = ended; i < reads._count; i++)
        {
            (reads._reads[i - ended], reads._reads[i]) = (reads._reads[i], reads._reads[i - ended]);
        }

        reads._count -= ended;
        reads._loader = reads._count == 0 ? null : reads._loader;
        s_ofThread = reads;
    }

    /// <summary>The read of an entry that this thread has begun, where the entry still is.</summary>
    /// <returns>Null when there is none.</returns>
    internal static EntryRead? Find(PageLoader loader, ulong id, Location location)
    {
        if (s_ofThread is { _count: > 0 } reads && reads._loader == loader)
        {
            for (int i = 0; i < reads._count; i++)
            {
                if (reads._reads[i].Id == id && reads._reads[i].Location == location)
                {
                    return reads._reads[i];
                }
            }
        }

        return null;
    }
}
