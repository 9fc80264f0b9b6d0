using Paging.Codecs;
using Paging.Residency;
using Paging.Swap;
using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>A pager with a swap file, opened up: what the public face does when the pool runs full can be had done at once.</summary>
internal sealed class SwapStage : IDisposable
{
    /// <param name="options">Budgets.</param>
    /// <param name="file">The swap file; null for none.</param>
    /// <param name="watch">Stands between the pager and the file; null for nothing.</param>
    public SwapStage(PagerOptions options, SwapFileOptions? file, Func<SwapDevice, PagingDomain, SwapDevice>? watch = null)
    {
        Domain = new PagingDomain(options, PagerTuning.Default);
        Space = new SwapSpace(Domain);
        if (file is not null && watch is not null)
        {
            SwapDevice device = DirectFile.Open(file.Path, file.Bytes, Domain.Swap.Engine);
            File = new SwapFile(Domain, file) { Area = Domain.SwapFiles.AddDevice(watch(device, Domain), file) };
        }
        else if (file is not null)
        {
            File = new SwapFile(Domain, file) { Area = Domain.SwapFiles.Add(file) };
        }
    }

    public PagingDomain Domain { get; }

    public SwapSpace Space { get; }

    public SwapFile File { get; } = null!;

    public PagerStatistics Statistics => Domain.GetStatistics();

    public PagedArray<long> Allocate(PageSet pages)
    {
        var geometry = Geometry.ForElements<long>(pages.TotalBytes / sizeof(long), pages.PageBytes);
        return new PagedArray<long>(
            new PagedRegion(Domain, geometry, name: null, new CompressionPolicy(sizeof(long), CompressionGoal.Speed, PageFilter.None)), geometry);
    }

    /// <summary>Writes every sealed segment out, as many at once as writeback has under way at most.</summary>
    public void PushOut()
    {
        Writeback writeback = Domain.Swap.Writeback;
        SegmentLog log = Domain.Swap.Segments.Logs[0]!;
        while (true)
        {
            long seen = writeback.Completions.Count;
            switch (writeback.TryStart(log))
            {
                case WritebackStart.Busy:
                    writeback.Completions.WaitBeyond(seen);
                    break;

                case WritebackStart.Nothing when writeback.InFlight == 0:
                    return;

                case WritebackStart.Nothing:
                    writeback.Completions.WaitBeyond(seen);
                    break;

                case WritebackStart.NoSlot:
                    throw new InvalidOperationException("The swap file is too small for what is to be pushed out.");
            }
        }
    }

    public void Dispose() => Domain.Close();
}
