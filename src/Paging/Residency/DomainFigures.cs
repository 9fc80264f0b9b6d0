using Paging.Codecs;
using Paging.Diagnostics;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>A pager's figures, as programs and meters see them.</summary>
/// <remarks>Each is kept where what it counts happens, or is a sum over few things: nothing here grows with the frames or the
/// arrays.</remarks>
internal sealed class DomainFigures(PagingDomain domain, string name) : IWatched
{
    public string Name => name;

    /// <summary>For those who have not entered the pager, and do not keep it.</summary>
    public bool TryRead(out PagerStatistics statistics)
    {
        statistics = default;
        if (domain.IsClosed || !domain.Swap.Rundown.TryEnter())
        {
            return false;
        }

        using var held = new DomainScope(domain);
        statistics = Read();
        return !domain.IsClosed;
    }

    /// <summary>Takes a snapshot. The caller has entered the pager.</summary>
    internal PagerStatistics Read()
    {
        if (domain.IsClosed)
        {
            return new PagerStatistics { FaultsSaved = (double.NaN, double.NaN, double.NaN) };
        }

        long fromPool = domain.Counters[Counter.FaultsFromPool];
        long fromFile = domain.Counters[Counter.FaultsFromFile];
        long clean = domain.Counters[Counter.CleanEvictions];
        return new PagerStatistics
        {
            ResidentBytes = domain.Frames.UsedBytes,
            ResidentBudgetBytes = domain.Frames.BudgetBytes,
            PoolBudgetBytes = domain.Swap.Budget.Bytes,
            PoolBytes = domain.Swap.Budget.CommittedBytes,
            PoolStoredBytes = domain.Swap.Budget.StoredBytes,
            PoolLogicalBytes = domain.Counters[Counter.LogicalBytes],
            MetadataBytes = domain.TableBytes + domain.Nodes.Bytes + domain.Frames.RecordBytes + domain.Frames.ForecastBytes
                + domain.Swap.MetadataBytes,
            CorruptedPages = domain.Counters[Counter.CorruptedPages],
            SameFilledPages = domain.Counters[Counter.SameFilledPages],
            IncompressiblePages = domain.Counters[Counter.IncompressiblePages],
            RecompressedPages = domain.Counters[Counter.RecompressedPages],
            FilePages = domain.Counters[Counter.FilePages],
            FileBytes = domain.Swap.Files.UsedBytes,
            Faults = fromPool + fromFile + domain.Counters[Counter.FaultsOfZeroes],
            FaultsFromPool = fromPool,
            FaultsFromFile = fromFile,
            Evictions = domain.Counters[Counter.Evictions] + clean,
            CleanEvictions = clean,
            Writebacks = domain.Counters[Counter.Writebacks],
            BytesWritten = domain.Counters[Counter.BytesWritten],
            BytesRead = domain.Counters[Counter.BytesRead],
            IoErrors = domain.Counters[Counter.IoErrors],
            ScratchBytes = CodecMemory.OutstandingBytes,
            PrefetchedPages = domain.Counters[Counter.PrefetchedPages],
            PrefetchWasted = domain.Counters[Counter.PrefetchWasted],
            DirectReclaims = domain.Counters[Counter.DirectReclaims],
            Pins = domain.Leases,
            Arrays = domain.Regions.Count,
            DroppedArrays = domain.Dropped.TakenDown,
            LostFrames = domain.Dropped.LostFrames,
            FaultsSaved = domain.Frames.FaultsSaved,
        };
    }
}
