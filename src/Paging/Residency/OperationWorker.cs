using System.Runtime.CompilerServices;
using Paging.Swap;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Deals with parts of operations: begins the reads of those that are in files, brings their pages in, and gives the parts
/// back.</summary>
/// <remarks>Any number of threads use it at the same time: those that take steps of the <see cref="Prefetcher"/>, and those that wait for the
/// operation. It has no state of its own; the reads under way are the thread's (<see cref="ReadPlan"/>).</remarks>
/// <param name="domain">The pager.</param>
/// <param name="operations">Where parts come from, and go back to.</param>
/// <param name="requests">Requests for single pages, which a thread turns to before it takes another part.</param>
internal sealed class OperationWorker(PagingDomain domain, OperationQueue operations, FaultRequests requests)
{
    /// <summary>Bytes of pages of one operation, about, that a thread deals with before it looks for something else to do.</summary>
    private const int BytesAtOnce = 8 << 20;

    /// <summary>Bytes of pages, about, whose reads are under way beside those of the part that is dealt with, where there are so
    /// many.</summary>
    private const int BytesAhead = 2 << 20;

    /// <summary>Deals with a part of an operation, and gives it back. Where that is read from files, also with parts behind it: the reads
    /// of the next ones begin before the thread turns to the pages of a part, so that the device always has some.</summary>
    internal void Work(OperationPart part)
    {
        PageOperation operation = part.Operation;
        PagedRegion region = operation.Region;

        // Its own hold: the thread that waits for the operation is not in a step.
        using Rundown.Scope held = domain.Swap.Rundown.Hold();
        PartsInHand parts = default;
        parts.Add(part);
        try
        {
            if (held.IsInside)
            {
                parts.SetLastReads(BeginReads(part));
            }

            long left = BytesAtOnce >> region.Frames.PageShift;
            long ahead = BytesAhead >> region.Frames.PageShift;
            for (bool goesOn = true; parts.Count != 0;)
            {
                (part, int reads) = parts.First;
                left -= part.End - part.First;
                goesOn &= reads != 0 && left > 0 && !requests.IsAny;
                while (goesOn && HasRoom(parts, ahead) && operations.TryTakeMore(operation, isNext: parts.Count == 1, out OperationPart next))
                {
                    parts.Add(next);
                    int begun = BeginReads(next);
                    parts.SetLastReads(begun);
                    if (begun == 0)
                    {
                        // In memory, or there is no room for more reads: what follows is for whoever comes to it first.
                        break;
                    }
                }

                parts.RemoveFirst();
                Finish(part, reads);
            }
        }
        finally
        {
            ReadPlan.End();

            // None, unless there was no memory to begin reads with.
            while (parts.Count != 0)
            {
                (part, _) = parts.First;
                parts.RemoveFirst();
                operations.GiveBack(part, used: 0, part.End, isOver: true);
            }
        }

        GC.KeepAlive(region);
    }

    /// <summary>Whether one more part may be taken: always behind the first one; and further ones while few pages are ahead, and as many
    /// reads can be begun as a part has pages at most, since a part of which some cannot is read page by page.</summary>
    private static bool HasRoom(in PartsInHand parts, long pages) =>
        parts.Count <= 1 || (parts.Count < PartsInHand.Max && parts.PagesBehindFirst < pages && ReadPlan.Count <= ReadPlan.MaxReads / 2);

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

    /// <summary>Parts that one thread has taken and not given back, in their order, with how many reads are under way for each.</summary>
    private struct PartsInHand
    {
        internal const int Max = 5;

        private Parts _parts;
        private int _first;
        private long _pages;

        internal int Count { readonly get; private set; }

        internal readonly (OperationPart Part, int Reads) First => _parts[_first];

        internal readonly long PagesBehindFirst => _pages - (_parts[_first].Part.End - _parts[_first].Part.First);

        internal void Add(in OperationPart part)
        {
            _parts[(_first + Count) % Max] = (part, 0);
            Count++;
            _pages += part.End - part.First;
        }

        internal void SetLastReads(int reads) => _parts[(_first + Count - 1) % Max].Reads = reads;

        internal void RemoveFirst()
        {
            ref (OperationPart Part, int Reads) first = ref _parts[_first];
            _pages -= first.Part.End - first.Part.First;
            first = default;
            _first = (_first + 1) % Max;
            Count--;
        }

        [InlineArray(Max)]
        private struct Parts
        {
            private (OperationPart Part, int Reads) _first;
        }
    }
}
