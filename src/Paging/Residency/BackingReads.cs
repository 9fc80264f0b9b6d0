using Paging.Swap;

namespace Paging.Residency;

/// <summary>Reads of pages from what backs their arrays that a thread has begun because it is about to bring them in: what
/// <see cref="ReadPlan"/> is for pages in swap files. Only this thread finds them. Neighbours that are asked for one after another are read at
/// once, as far as a buffer goes: a disk is as fast as it can be with long reads only.</summary>
/// <remarks>So the last neighbours are kept until something else is asked for, or one of them is wanted. A read that all its pages were
/// taken from ends then; what is left of the others ends with <see cref="End"/>.</remarks>
internal sealed class BackingReads
{
    /// <summary>Reads under way for one thread, at most.</summary>
    private const int Max = 32;

    [ThreadStatic]
    private static BackingReads? s_ofThread;

    private readonly BackingRead[] _reads = new BackingRead[Max];
    private int _count;

    // Neighbours that are not being read yet.
    private PageBacking? _next;
    private long _first;
    private int _pages;
    private int _lastBytes;
    private int _pageBytes;

    private BackingReads()
    {
        for (int i = 0; i < _reads.Length; i++)
        {
            _reads[i] = new BackingRead();
        }
    }

    /// <summary>Begins to read a page, if there is a buffer.</summary>
    /// <param name="backing">What it is read from.</param>
    /// <param name="page">Its number in its array.</param>
    /// <param name="bytes">The bytes of it that items lie in.</param>
    internal static void Begin(PageBacking backing, long page, int bytes)
    {
        BackingReads reads = s_ofThread ??= new BackingReads();
        if (reads._next == backing && page == reads._first + reads._pages)
        {
            reads._pages++;
            reads._lastBytes = bytes;
        }
        else
        {
            reads.Flush();
            (reads._next, reads._first, reads._pages, reads._lastBytes, reads._pageBytes) = (backing, page, 1, bytes, bytes);
        }

        if (reads._pages == backing.PagesARead)
        {
            reads.Flush();
        }
    }

    /// <summary>Ends all reads of this thread. It must not throw, and does not.</summary>
    internal static void End()
    {
        if (s_ofThread is not { } reads || (reads._count == 0 && reads._next is null))
        {
            return;
        }

        // As in ReadPlan: who gets out of a wait has ended for good.
        s_ofThread = null;
        reads._next = null;
        for (; reads._count > 0; reads._count--)
        {
            reads._reads[reads._count - 1].End();
        }

        s_ofThread = reads;
    }

    /// <summary>The read of a page that this thread has begun.</summary>
    /// <returns>Null when there is none. The others are followed by <see cref="NoteTaken"/>.</returns>
    internal static BackingRead? Find(PageBacking backing, long page)
    {
        if (s_ofThread is not { } reads)
        {
            return null;
        }

        if (reads._next == backing && (ulong)(page - reads._first) < (ulong)reads._pages)
        {
            if (reads._pages == 1)
            {
                // It is about to be read by the thread itself.
                reads._next = null;
                return null;
            }

            reads.Flush();
        }

        return reads.IndexOf(backing, page) is >= 0 and int index ? reads._reads[index] : null;
    }

    /// <summary>A page of a read was taken, or could not be: it is not asked for again.</summary>
    internal static void NoteTaken(BackingRead read)
    {
        if (--read.Left == 0 && s_ofThread is { } reads)
        {
            int index = Array.IndexOf(reads._reads, read, 0, reads._count);
            read.End();
            reads._count--;
            (reads._reads[index], reads._reads[reads._count]) = (reads._reads[reads._count], read);
        }
    }

    private int IndexOf(PageBacking backing, long page)
    {
        for (int i = 0; i < _count; i++)
        {
            BackingRead read = _reads[i];
            if (read.Backing == backing && (ulong)(page - read.First) < (ulong)read.Count)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Begins to read what was kept: at once, or page by page where there is no long buffer.</summary>
    private void Flush()
    {
        if (_next is not { } backing)
        {
            return;
        }

        _next = null;
        if (TryBegin(backing, _first, _pages, _lastBytes))
        {
            return;
        }

        for (int i = 0; i < _pages && _pages > 1; i++)
        {
            if (!TryBegin(backing, _first + i, 1, i == _pages - 1 ? _lastBytes : _pageBytes))
            {
                break;
            }
        }
    }

    private bool TryBegin(PageBacking backing, long first, int pages, int lastBytes)
    {
        if (_count == _reads.Length || !backing.TryBeginRead(first, pages, lastBytes, _reads[_count]))
        {
            return false;
        }

        _count++;
        return true;
    }
}
