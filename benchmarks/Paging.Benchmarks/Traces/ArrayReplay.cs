using Paging.Residency;

namespace Paging.Benchmarks.Traces;

/// <summary>Replays a trace on a real array, with as many frames as the policies have: what the pager makes of its policy.</summary>
/// <remarks>An access is a lease, since reading an untouched page by value takes no frame. No background threads, so that no frame is kept
/// free ahead of demand, and the trace alone says what happens.</remarks>
internal sealed class ArrayReplay : IReplacement, IDisposable
{
    private const int PageBytes = 4 << 10;

    private readonly Pager _pager;
    private readonly PagedArray<byte> _array;
    private long _faults;

    public ArrayReplay(int frames, int pages, bool rests = true)
    {
        _pager = new Pager(
            new PagerOptions { ResidentBytes = (long)frames * PageBytes, PageBytes = PageBytes, BackgroundThreads = 0 },
            new PagerTuning { ForecastRests = rests });
        _array = _pager.Allocate<byte>((long)pages * PageBytes);
    }

    public bool Access(int page)
    {
        using (_array.Read((long)page * PageBytes))
        {
        }

        long faults = _pager.GetStatistics().Faults;
        bool hit = faults == _faults;
        _faults = faults;
        return hit;
    }

    /// <summary>What the pager says of more frames.</summary>
    public (double Plus25, double Plus50, double Plus100) FaultsSaved => _pager.GetStatistics().FaultsSaved;

    /// <summary>As <see cref="Access"/>, for many pages.</summary>
    /// <returns>The faults.</returns>
    public long Replay(ReadOnlySpan<int> pages)
    {
        long before = _faults;
        foreach (int page in pages)
        {
            using (_array.Read((long)page * PageBytes))
            {
            }
        }

        _faults = _pager.GetStatistics().Faults;
        return _faults - before;
    }

    public bool IsResident(int page) => throw new NotSupportedException("An array does not say which pages are in frames.");

    public void Dispose()
    {
        _array.Dispose();
        _pager.Dispose();
    }
}
