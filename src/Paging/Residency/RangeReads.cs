using System.Runtime.CompilerServices;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Reads of a range of pages that a thread goes through in their order: while it is at one page, those of the next ones that are in
/// files are under way. Without it each of them would be waited for by itself, until the stream is found in the faults.</summary>
/// <remarks>
/// One thread's, which calls <see cref="Advance"/> before it brings a page in, and <see cref="Dispose"/> in the end, whatever happens. It
/// changes nothing about the faults that follow: they find the reads (<see cref="FileReads"/>), as others do. Nothing is begun before a
/// page is missing.
///
/// From the first read on the thread is inside the pager's rundown. Where it has to wait for leases it ends its reads first
/// (<see cref="LeaseQueue"/>).
/// </remarks>
/// <param name="region">The array.</param>
/// <param name="swap">Where its pages are loaded from.</param>
/// <param name="first">The first page.</param>
/// <param name="end">One past the last page.</param>
internal ref struct RangeReads(PagedRegion region, SwapStore swap, long first, long end)
{
    /// <summary>Bytes of pages whose reads begin together: as long as one read may be.</summary>
    private const int SetBytes = ReadPlan.MaxRun;

    /// <summary>Sets under way at once.</summary>
    private const int MaxSets = 4;

    private readonly int _setPages = Math.Clamp(SetBytes >> region.Frames.PageShift, 1, ReadPlan.MaxPages);
    private long _next = first;
    private Rundown.Scope _held;
    private Ends _ends;
    private Counts _reads;
    private int _first;
    private int _sets;

    /// <summary>Ends the reads of pages that the thread has passed, and begins those of the next ones, if this page is missing.</summary>
    internal void Advance(long page)
    {
        if (end - page < 2 || (_sets == 0 && PageWord.IsResident(region.Load(page))) || !region.MayBeInFiles)
        {
            return;
        }

        if (!_held.IsInside)
        {
            _held = swap.Rundown.Hold();
            if (!_held.IsInside)
            {
                return;
            }
        }

        while (_sets != 0 && page >= _ends[_first])
        {
            ReadPlan.End(_reads[_first]);
            _first = (_first + 1) % MaxSets;
            _sets--;
        }

        _next = Math.Max(_next, page);
        try
        {
            while (_sets < MaxSets && _next < end && ReadPlan.Count <= ReadPlan.MaxReads / 2)
            {
                Begin();
            }
        }
        catch (OutOfMemoryException)
        {
            // It is a help, and no more: the pages are read one by one.
            _next = end;
        }
    }

    public void Dispose()
    {
        try
        {
            for (; _sets != 0; _sets--)
            {
                ReadPlan.End(_reads[_first]);
                _first = (_first + 1) % MaxSets;
            }
        }
        finally
        {
            _held.Dispose();
        }
    }

    private void Begin()
    {
        long behind = Math.Min(end, _next + _setPages);
        int before = ReadPlan.Count;
        try
        {
            for (; _next < behind; _next++)
            {
                region.NoteRead(swap.Loader, _next);
            }
        }
        finally
        {
            // What was noted is begun or let go, and what is begun is ended in the end, whatever fails.
            try
            {
                ReadPlan.Begin(swap.Loader);
            }
            finally
            {
                int at = (_first + _sets) % MaxSets;
                _ends[at] = behind;
                _reads[at] = ReadPlan.Count - before;
                _sets++;
            }
        }
    }

    [InlineArray(MaxSets)]
    private struct Ends
    {
        private long _first;
    }

    [InlineArray(MaxSets)]
    private struct Counts
    {
        private int _first;
    }
}
