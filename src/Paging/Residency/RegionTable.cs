using System.Runtime.InteropServices;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The arrays of a pager, by number, without keeping them alive.</summary>
internal sealed class RegionTable(PagingDomain domain)
{
    private const int InitialLength = 16;

    /// <summary>Arrays by page size, dropped ones too until they are taken down.</summary>
    private readonly int[] _ofSize = new int[FramePool.ClassCount];
    private WeakGCHandle<PagedRegion>[] _regions = new WeakGCHandle<PagedRegion>[InitialLength];
    private int _count;
    private long _made;

    /// <summary>Under it arrays are added and removed, and the pager begins to close. Whoever calls a member that says "under the gate"
    /// has entered it.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>The number of arrays that were not disposed, dropped ones that are not taken down yet among them.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>The number of arrays made so far.</summary>
    internal long Made => Volatile.Read(ref _made);

    /// <summary>At least as many as there are arrays: the length of the table now. Under the gate.</summary>
    internal int Capacity => _regions.Length;

    /// <summary>The largest page size that an array has; 0 when there are no arrays.</summary>
    internal int LargestPageBytes
    {
        get
        {
            using Gate.Scope held = Gate.Enter();
            int index = Array.FindLastIndex(_ofSize, static count => count != 0);
            return index < 0 ? 0 : FramePool.MinPageBytes << index;
        }
    }

    /// <summary>Adds an array, which has a hold on the native memory from then on.</summary>
    /// <returns>False if the frames' budget is too small at this moment: it may have shrunk since the caller looked.</returns>
    internal bool TryAdd(PagedRegion region)
    {
        using Gate.Scope held = Gate.Enter();
        domain.ThrowIfClosed();
        if (domain.Frames.LimitBytes / region.Frames.PageBytes < FramePool.MinFrames)
        {
            return false;
        }

        TestHook.MayFail(FailurePoint.Allocation);
        int number = domain.Policies.Add(region.Policy);
        region.PolicyNumber = number;
        try
        {
            if (number >= _regions.Length)
            {
                Array.Resize(ref _regions, Math.Max(number + 1, 2 * _regions.Length));
            }

            _regions[number] = new WeakGCHandle<PagedRegion>(region);
        }
        catch
        {
            domain.Policies.Remove(number);
            throw;
        }

        _ofSize[SizeOf(region)]++;
        Volatile.Write(ref _count, _count + 1);
        Volatile.Write(ref _made, _made + 1);
        domain.Hold();
        return true;
    }

    /// <summary>Removes an array, if it is still there.</summary>
    internal void Remove(PagedRegion region)
    {
        using Gate.Scope held = Gate.Enter();
        if (_regions[region.PolicyNumber].IsAllocated)
        {
            _regions[region.PolicyNumber].Dispose();
            _ofSize[SizeOf(region)]--;
            Volatile.Write(ref _count, _count - 1);
            domain.Tracker?.Forget(region);
            domain.Policies.Remove(region.PolicyNumber);
        }
    }

    /// <summary>The next array that has not been dropped, by number; null when there is none.</summary>
    /// <param name="number">Where to begin; afterwards, where to go on.</param>
    internal PagedRegion? Next(ref int number)
    {
        using Gate.Scope held = Gate.Enter();
        while (number < _regions.Length)
        {
            WeakGCHandle<PagedRegion> weak = _regions[number++];
            if (weak.IsAllocated && weak.TryGetTarget(out PagedRegion? region))
            {
                return region;
            }
        }

        return null;
    }

    /// <summary>Those that have not been dropped. Under the gate.</summary>
    internal IEnumerable<PagedRegion> Alive()
    {
        foreach (WeakGCHandle<PagedRegion> weak in _regions)
        {
            if (weak.IsAllocated && weak.TryGetTarget(out PagedRegion? region))
            {
                yield return region;
            }
        }
    }

    /// <summary>Counts the arrays that were not disposed: those in use, and those that the collector has found unreachable but that are not
    /// taken down yet.</summary>
    internal (int Alive, int Dropped) CountDropped()
    {
        using Gate.Scope held = Gate.Enter();
        int alive = 0;
        foreach (WeakGCHandle<PagedRegion> weak in _regions)
        {
            alive += weak.IsAllocated && weak.TryGetTarget(out _) ? 1 : 0;
        }

        return (alive, _count - alive);
    }

    /// <summary>Lets go of all handles. Nobody uses the table any more.</summary>
    internal void Clear()
    {
        foreach (ref WeakGCHandle<PagedRegion> weak in _regions.AsSpan())
        {
            weak.Dispose();
        }
    }

    private static int SizeOf(PagedRegion region) => region.Frames.PageShift - FramePool.MinPageShift;
}
