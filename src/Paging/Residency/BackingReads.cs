using Paging.Swap;

namespace Paging.Residency;

/// <summary>Reads of pages from what backs their arrays that a thread has begun because it is about to bring them in, one after another: what
/// <see cref="EntryReads"/> are for pages in swap files, with the same rules.</summary>
internal sealed class BackingReads
{
    [ThreadStatic]
    private static BackingReads? s_ofThread;

    private readonly BackingRead[] _reads = new BackingRead[EntryReads.Max];
    private int _count;

    private BackingReads()
    {
        for (int i = 0; i < _reads.Length; i++)
        {
            _reads[i] = new BackingRead();
        }
    }

    /// <summary>Reads of this thread that are under way.</summary>
    internal static int Count => s_ofThread?._count ?? 0;

    /// <summary>Begins to read a page, if there is a buffer.</summary>
    internal static void Begin(PageBacking backing, long page, int bytes)
    {
        BackingReads reads = s_ofThread ??= new BackingReads();
        if (reads._count < reads._reads.Length && backing.TryBeginRead(page, bytes, reads._reads[reads._count]))
        {
            reads._count++;
        }
    }

    /// <summary>Ends all reads of this thread. It must not throw, and does not.</summary>
    internal static void End() => End(EntryReads.Max);

    /// <summary>Ends the reads that this thread began first.</summary>
    /// <param name="count">How many, at most.</param>
    internal static void End(int count)
    {
        if (s_ofThread is not { _count: > 0 } reads)
        {
            return;
        }

        // As there: who gets out of a wait has ended for good.
        s_ofThread = null;
        int ended = Math.Min(count, reads._count);
        for (int i = 0; i < ended; i++)
        {
            reads._reads[i].End();
        }

        for (int i = ended; i < reads._count; i++)
        {
            (reads._reads[i - ended], reads._reads[i]) = (reads._reads[i], reads._reads[i - ended]);
        }

        reads._count -= ended;
        s_ofThread = reads;
    }

    /// <summary>The read of a page that this thread has begun.</summary>
    /// <returns>Null when there is none.</returns>
    internal static BackingRead? Find(PageBacking backing, long page)
    {
        if (s_ofThread is { _count: > 0 } reads)
        {
            for (int i = 0; i < reads._count; i++)
            {
                if (reads._reads[i].Page == page && reads._reads[i].Backing == backing)
                {
                    return reads._reads[i];
                }
            }
        }

        return null;
    }
}
