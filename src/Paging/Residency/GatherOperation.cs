using System.Runtime.ExceptionServices;
using System.Runtime.Intrinsics.X86;
using Paging.Swap;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Pages of which rows are wanted, as a list: what <see cref="RowGatherer"/> has not found in frames. The thread that wants them
/// and threads of the background take pages from it, bring each into a frame and copy its rows at once. So no page waits in a frame for its
/// copy, and none pushes out another that does.</summary>
/// <remarks>
/// Its items are runs: the keys of one page. A thread that has a run marks it as done; what is not done when all threads have left it,
/// because there was no frame, say, or the page is damaged, is for the thread that wants the rows. Pages are not pinned for it: a copy is
/// thrown away if its page has gone meanwhile, and so Dispose meets no lease that nobody has.
///
/// Used again and again: it is at rest when its end has been signalled, behind which nobody touches it.
/// </remarks>
internal sealed unsafe class GatherOperation(RowGatherer gatherer, PagedRegion region)
    : PageOperation(region.Operations, region, first: 0, end: 0, most: 0)
{
    /// <summary>How often a page is brought in again that went before it was copied.</summary>
    private const int MaxTries = 16;

    /// <summary>Rounds of spinning before the thread sleeps: others have a few parts in hand.</summary>
    private const int Spins = 64;

    /// <summary>Bytes of pages that a thread takes at a time, at least, where they may be in files: towards the end of an operation, too, or
    /// the last ones would be read one by one.</summary>
    private const int MinBytesInFiles = 128 << 10;

    /// <summary>Pages that a thread takes at a time there and whose reads it begins at once, at most: so many bytes of them, and so many in
    /// any case.</summary>
    private const int MaxBytesInFiles = 256 << 10;
    private const int MinMaxPagesInFiles = 32;

    /// <summary>How many runs ahead the descriptor of a stored page is fetched into the cache. The page itself is one run ahead.</summary>
    private const int DescriptorsAhead = 2;

    private readonly EventCount _ends = new();
    private ulong[] _keys = [];

    /// <summary>Where runs begin among the keys, one more at the end; its complement when the run is done. Written by the thread that has
    /// the run, while that of the run before reads it.</summary>
    private int[] _starts = [];

    private int _runs;
    private long* _rows;
    private byte* _destination;

    /// <summary>The first damaged page that was met, of those that threads have met so far. Set by CAS.</summary>
    private Damage? _damage;

    /// <summary>Somebody waits for it.</summary>
    internal override bool IsUrgent => true;

    /// <summary>Prepares it, at rest.</summary>
    /// <param name="keys">The page and the place of each row, by page: see <see cref="RowGatherer"/>.</param>
    /// <param name="starts">Where the runs of keys begin, and where the last one ends.</param>
    /// <param name="runs">How many there are.</param>
    /// <param name="rows">All rows; memory of the program's, which may change them.</param>
    /// <param name="destination">Where they go.</param>
    internal void Prepare(ulong[] keys, int[] starts, int runs, long* rows, byte* destination)
    {
        _keys = keys;
        _starts = starts;
        _runs = runs;
        _rows = rows;
        _destination = destination;
        Reset(runs);
    }

    /// <summary>Lets go of what it was prepared with.</summary>
    internal void Clear()
    {
        _keys = [];
        _starts = [];
        _runs = 0;
        _rows = null;
        _destination = null;
        _damage = null;
    }

    /// <summary>Copies the rows of all pages together with threads of the background, as far as that goes.</summary>
    internal void Share()
    {
        long seen = _ends.Count;
        bool isHandedOut = false;
        try
        {
            Queue.Add(this);
            Region.WakeBackground();
            while (Queue.TryTakeOf(this, out OperationPart part))
            {
                Region.WorkOn(part);
            }

            isHandedOut = true;
        }
        finally
        {
            // Nobody may write to the destination when this returns, whatever happened. Others have a few parts in hand. Where reads of
            // these are under way they finish them, or the pages would be read again one by one; otherwise this thread does the rest.
            if (!isHandedOut || !Region.MayBeInFiles)
            {
                Queue.Cancel(this);
            }

            Spinner spinner = default;
            while (_ends.Count == seen && spinner.Count < Spins)
            {
                spinner.Once();
            }

            _ends.WaitBeyond(seen);
        }
    }

    /// <summary>Copies what is left, in the order of pages, on this thread and whatever it takes.</summary>
    internal void Finish(int runs)
    {
        for (int run = 0; run < runs; run++)
        {
            if (IsDone(run))
            {
                continue;
            }

            // Nobody else is in the operation any more. What was read and found damaged is not read again.
            if (_damage is { } damage && damage.Run == run)
            {
                ExceptionDispatchInfo.Throw(damage.Exception);
            }

            if (!TryCopy(run))
            {
                CopyPinned(run);
            }
        }
    }

    internal override BroughtIn Work(PageFetcher fetcher, long page)
    {
        int run = (int)page;
        try
        {
            if (!TryCopy(run))
            {
                return BroughtIn.NoFrame;
            }
        }
        catch (Exception e)
        {
            if (e is PageCorruptedException damaged)
            {
                Note(run, damaged);
            }

            // For the thread that wants the rows: it is told, of a damaged page what was found here; otherwise it tries again.
            return BroughtIn.Failed;
        }

        Shared.Write(SharedWord.Operation, ref _starts[run], ~_starts[run]);
        return BroughtIn.Filled;
    }

    internal override long NextWanted(long page) => page;

    internal override void BeginReads(PageLoader loader, in OperationPart part)
    {
        if (!Region.MayBeInFiles || part.End - part.First < 2)
        {
            return;
        }

        for (long run = part.First; run < part.End; run++)
        {
            Region.NoteRead(loader, RowGatherer.PageOf(_keys[StartOf((int)run)]));
        }

        ReadPlan.Begin(loader);
    }

    internal override long LimitPart(long pages)
    {
        if (!Region.MayBeInFiles)
        {
            return PartOfRest(1, pages);
        }

        // What lies side by side is read at once, but not beyond a part.
        int shift = Region.Frames.PageShift;
        return PartOfRest(Math.Max(1, MinBytesInFiles >> shift), Math.Max(MinMaxPagesInFiles, MaxBytesInFiles >> shift));
    }

    /// <summary>The last that is done with it: the thread that waits may use it again at once.</summary>
    protected override void OnComplete() => _ends.Signal();

    private void Note(int run, PageCorruptedException exception)
    {
        Damage? seen = Shared.Read(SharedWord.Operation, ref _damage);
        while (seen is null || run < seen.Run)
        {
            // None, or that of a later page → this one. Races with other threads that meet damaged pages.
            Damage? found = Shared.CompareExchange(SharedWord.Operation, ref _damage, new Damage(run, exception), seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }

    private bool IsDone(int run) => Shared.Read(SharedWord.Operation, ref _starts[run]) < 0;

    private int StartOf(int run)
    {
        int start = Shared.Read(SharedWord.Operation, ref _starts[run]);
        return start < 0 ? ~start : start;
    }

    private ReadOnlySpan<ulong> KeysOf(int run)
    {
        int start = StartOf(run);
        return _keys.AsSpan(start, StartOf(run + 1) - start);
    }

    /// <summary>Brings the page in and copies its rows, without a pin.</summary>
    /// <returns>False when there was no frame, or the page went again and again before it was copied.</returns>
    private bool TryCopy(int run)
    {
        ReadOnlySpan<ulong> keys = KeysOf(run);
        long page = RowGatherer.PageOf(keys[0]);
        PrefetchBehind(run);
        for (int i = 0; i < MaxTries; i++)
        {
            ulong* word = Region.Find(page);
            ulong seen = PageWord.Load(word);
            if (PageWord.IsResident(seen) && Region.IsOf(page, word))
            {
                TestHook.Reach(SharedWord.PageData);
                gatherer.CopyRows(keys, page, Region.Frames.Base + PageWord.Offset(seen), _rows, _destination);
                if (PageWord.IsSamePage(word, seen))
                {
                    // So that reclaim knows: it keeps pages that were brought in and not used yet.
                    if ((seen & PageWord.Referenced) == 0)
                    {
                        PageWord.Reference(word, seen);
                    }

                    return true;
                }
            }
            else if (Region.IsZeroes(page, word))
            {
                gatherer.ClearRows(keys, _destination);
                return true;
            }
            else if (Region.BringIn(page) is BroughtIn.NoFrame or BroughtIn.Closed)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>A stored page in random order misses the cache twice before it can be decoded, for its descriptor and then for its entry:
    /// here both misses overlap with the work on the pages before it.</summary>
    private void PrefetchBehind(int run)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        if (run + 1 < _runs)
        {
            Region.PrefetchStored(RowGatherer.PageOf(_keys[StartOf(run + 1)]), isNext: true);
        }

        if (run + DescriptorsAhead < _runs)
        {
            Region.PrefetchStored(RowGatherer.PageOf(_keys[StartOf(run + DescriptorsAhead)]), isNext: false);
        }
    }

    private void CopyPinned(int run)
    {
        ReadOnlySpan<ulong> keys = KeysOf(run);
        long page = RowGatherer.PageOf(keys[0]);
        byte* data = Region.Pin(page, write: false, out ulong* word);
        try
        {
            TestHook.MayFail(FailurePoint.Copy);
            gatherer.CopyRows(keys, page, data, _rows, _destination);
        }
        finally
        {
            PageWord.Unpin(word);
        }
    }

    private sealed record Damage(int Run, PageCorruptedException Exception);
}
