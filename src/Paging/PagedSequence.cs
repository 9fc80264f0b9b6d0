using System.Buffers;
using Paging.Residency;
using Paging.TestSeam;

namespace Paging;

/// <summary>The pages of a range, pinned, as one sequence for reading.</summary>
/// <typeparam name="T">The array's element.</typeparam>
/// <remarks>Each page counts as a lease, and takes a frame of the budget, until this is disposed, which any thread may do, and more than
/// once. Neither the sequence nor memory or spans of it may be used afterwards. Dropped without being disposed it keeps its pages pinned,
/// as leases do.</remarks>
public sealed class PagedSequence<T> : IDisposable
    where T : unmanaged
{
    private readonly ReadOnlySequence<T> _sequence;

    /// <summary>Taken out by exchange, by the thread that disposes them.</summary>
    private PageOwner<T>[]? _pages;

    private PagedSequence(PageOwner<T>[] pages, ReadOnlySequence<T> sequence)
    {
        _pages = pages;
        _sequence = sequence;
    }

    /// <summary>The elements of the range, a segment a page. Valid until this is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is disposed.</exception>
    public ReadOnlySequence<T> Sequence
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _pages) is null, this);
            return _sequence;
        }
    }

    /// <summary>Gives all pages back. Doing it again does nothing.</summary>
    public void Dispose()
    {
        PageOwner<T>[]? pages = Interlocked.Exchange(ref _pages, null);
        if (pages is not null)
        {
            Array.ForEach(pages, static page => page.Dispose());
        }
    }

    /// <summary>Pins the pages of a range, all or none.</summary>
    /// <param name="region">The array.</param>
    /// <param name="page">The first page.</param>
    /// <param name="offset">Where the range begins in it, in elements.</param>
    /// <param name="pageLength">Elements of a page.</param>
    /// <param name="length">Elements of the range.</param>
    internal static PagedSequence<T> Take(PagedRegion region, long page, int offset, int pageLength, long length)
    {
        if (length == 0)
        {
            return new PagedSequence<T>([], ReadOnlySequence<T>.Empty);
        }

        long count = (offset + length - 1) / pageLength + 1;
        JointAccess access = default;
        try
        {
            while (true)
            {
                // The budget may have become smaller while this waited.
                region.CheckPinnable(count);
                if (TryTake(region, page, offset, pageLength, length, new PageOwner<T>[count], ref access) is { } sequence)
                {
                    return sequence;
                }

                region.AwaitRoom(ref access, page, count);
            }
        }
        finally
        {
            region.Leave(ref access);
        }
    }

    /// <summary>As <see cref="Take"/>, in one go.</summary>
    /// <returns>Null when no frame is to be had for one of the pages without waiting. Then none is pinned.</returns>
    private static PagedSequence<T>? TryTake(
        PagedRegion region, long page, int offset, int pageLength, long length, PageOwner<T>[] pages, ref JointAccess access)
    {
        Segment? first = null;
        Segment? last = null;
        bool isComplete = false;
        RangeReads reads = region.ReadsOf(page, page + pages.Length);
        try
        {
            for (int i = 0; i < pages.Length; i++)
            {
                reads.Advance(page + i);
                int start = i == 0 ? offset : 0;
                var owner = new PageOwner<T>(start, (int)Math.Min(pageLength - start, length), isWritable: false);
                if (!owner.TryPin(region, page + i, isFirst: i == 0, ref access))
                {
                    return null;
                }

                pages[i] = owner;
                TestHook.MayFail(FailurePoint.Allocation);
                last = new Segment(owner.Memory, last);
                first ??= last;
                length -= owner.Memory.Length;
            }

            var sequence = new ReadOnlySequence<T>(first!, 0, last!, last!.Memory.Length);
            isComplete = true;
            return new PagedSequence<T>(pages, sequence);
        }
        finally
        {
            reads.Dispose();
            if (!isComplete)
            {
                Array.ForEach(pages, static page => page?.Dispose());
            }
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<T>
    {
        internal Segment(ReadOnlyMemory<T> memory, Segment? before)
        {
            Memory = memory;
            if (before is not null)
            {
                RunningIndex = before.RunningIndex + before.Memory.Length;
                before.Next = this;
            }
        }
    }
}
