using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Deals with parts of operations: begins the reads of those that are in files, brings their pages in, and gives the parts
/// back.</summary>
/// <remarks>Any number of threads use it at the same time: those that take steps of the <see cref="Prefetcher"/>, and one that waits for the
/// operation. It has no state of its own; the reads under way are the thread's (<see cref="ReadPlan"/>).</remarks>
/// <param name="domain">The pager.</param>
/// <param name="operations">Where parts come from, and go back to.</param>
/// <param name="requests">Requests for single pages, which a thread turns to before it takes another part.</param>
internal sealed class OperationWorker(PagingDomain domain, OperationQueue operations, FaultRequests requests)
{
    /// <summary>Bytes of pages of one operation, about, that a thread deals with before it looks for something else to do.</summary>
    private const int BytesAtOnce = 8 << 20;

    /// <summary>Deals with a part of an operation, and gives it back. Where that is read from files, also with parts behind it: the reads
    /// of each begin before the thread turns to the pages of the one before, so that the device always has some.</summary>
    internal void Work(OperationPart part)
    {
        PageOperation operation = part.Operation;
        PagedRegion region = operation.Region;

        // Its own hold: the thread that waits for the operation is not in a step.
        using Rundown.Scope held = domain.Swap.Rundown.Hold();
        try
        {
            int reads = held.IsInside ? BeginReads(part) : 0;
            long left = BytesAtOnce >> region.Frames.PageShift;
            for (bool goesOn = true; goesOn;)
            {
                left -= part.End - part.First;
                OperationPart next = default;
                goesOn = reads != 0 && left > 0 && !requests.IsAny && operations.TryTakeMore(operation, out next);
                int nextReads = goesOn ? BeginReads(next) : 0;
                Finish(part, reads);
                (part, reads) = (next, nextReads);
            }
        }
        finally
        {
            ReadPlan.End();
        }

        GC.KeepAlive(region);
    }

    /// <summary>Begins to read what a part needs from files.</summary>
    /// <returns>How many reads that are.</returns>
    private int BeginReads(in OperationPart part)
    {
        int before = ReadPlan.Count;
        part.Operation.BeginReads(domain.Swap.Loader, part);
        return ReadPlan.Count - before;
    }

    /// <summary>Brings in the pages of a part of which so many reads are under way, those that were begun first; ends these, and gives the
    /// part back.</summary>
    private void Finish(in OperationPart part, int reads)
    {
        long used = 0;
        bool isOver = false;
        BringIn(part, ref used, ref isOver);
        ReadPlan.End(reads);

        // Where nothing needed a frame, much may follow that does not either.
        long next = used == 0 && !isOver ? part.Operation.NextWanted(part.End) : part.End;
        operations.GiveBack(part, used, next, isOver);
    }

    private void BringIn(in OperationPart part, ref long used, ref bool isOver)
    {
        PageOperation operation = part.Operation;
        for (long page = part.First; page < part.End && !isOver && !operation.IsOver; page++)
        {
            BroughtIn outcome = operation.Work(domain.Fetcher, page);
            used += outcome is BroughtIn.Resident or BroughtIn.Filled ? 1 : 0;
            isOver = outcome is BroughtIn.NoFrame or BroughtIn.Closed;
        }
    }
}
