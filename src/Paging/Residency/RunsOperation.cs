using Paging.Threading;

namespace Paging.Residency;

/// <summary>A run of pages.</summary>
/// <param name="First">The first one.</param>
/// <param name="End">One past the last one.</param>
internal readonly record struct PageRun(long First, long End);

/// <summary>Runs of pages that are brought in ahead, by threads of the background and by those that wait for it. Used once.</summary>
/// <remarks>Its items are the pages of all runs, counted through.</remarks>
internal sealed class RunsOperation : AheadOperation
{
    private readonly PageRun[] _runs;

    /// <summary>The item that each run begins with.</summary>
    private readonly long[] _starts;

    private readonly EventCount _ends = new();

    /// <param name="region">The array.</param>
    /// <param name="runs">In ascending order, apart from one another.</param>
    internal RunsOperation(PagedRegion region, PageRun[] runs)
        : base(region.Operations, region, first: 0, end: PagesOf(runs), most: PagesOf(runs))
    {
        _runs = runs;
        _starts = new long[runs.Length];
        for (int i = 1; i < runs.Length; i++)
        {
            _starts[i] = _starts[i - 1] + runs[i - 1].End - runs[i - 1].First;
        }
    }

    /// <summary>Sorts runs, and joins those that touch.</summary>
    internal static PageRun[] Join(List<PageRun> runs)
    {
        runs.Sort(static (a, b) => a.First.CompareTo(b.First));
        int count = 0;
        for (int i = 0; i < runs.Count; i++)
        {
            PageRun run = runs[i];
            if (count != 0 && run.First <= runs[count - 1].End)
            {
                runs[count - 1] = new PageRun(runs[count - 1].First, Math.Max(runs[count - 1].End, run.End));
            }
            else
            {
                runs[count] = run;
                count++;
            }
        }

        return [.. runs[..count]];
    }

    internal void Start()
    {
        try
        {
            Queue.Add(this);
            Region.WakeBackground();
        }
        catch (OutOfMemoryException)
        {
            // Nobody is to wait for what will not come. The pages come when they are asked for.
            Cancel();
        }
    }

    /// <summary>Brings in what no other thread has taken, and waits for those that have. Once it is started.</summary>
    internal void Await()
    {
        while (Queue.TryTakeOf(this, out OperationPart part))
        {
            Region.WorkOn(part);
        }

        AwaitEnd();
    }

    /// <summary>Waits until it is complete: until then a thread may be at one of its pages.</summary>
    internal void AwaitEnd() => _ends.WaitBeyond(0);

    internal void Cancel() => Queue.Cancel(this);

    internal override long NextWanted(long page) => page;

    protected override void OnComplete() => _ends.Signal();

    protected override long PageAt(long item)
    {
        int run = Array.BinarySearch(_starts, item);
        run = run < 0 ? ~run - 1 : run;
        return _runs[run].First + item - _starts[run];
    }

    private static long PagesOf(PageRun[] runs)
    {
        long pages = 0;
        foreach (PageRun run in runs)
        {
            pages += run.End - run.First;
        }

        return pages;
    }
}
