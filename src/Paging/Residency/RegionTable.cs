using System.Runtime.InteropServices;

namespace Paging.Residency;

/// <summary>The arrays of a pager by number, without keeping them alive. Guarded by its owner.</summary>
internal sealed class RegionTable
{
    private const int InitialLength = 16;

    private WeakGCHandle<PagedRegion>[] _regions = new WeakGCHandle<PagedRegion>[InitialLength];

    /// <summary>There is room for so many arrays now, and so there are no more.</summary>
    internal int Capacity => _regions.Length;

    /// <summary>The next array that has not been dropped, by number; null when there is none.</summary>
    /// <param name="number">Where to begin; afterwards, where to go on.</param>
    internal PagedRegion? Next(ref int number)
    {
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

    internal void Add(int number, PagedRegion region)
    {
        if (number >= _regions.Length)
        {
            Array.Resize(ref _regions, Math.Max(number + 1, 2 * _regions.Length));
        }

        _regions[number] = new WeakGCHandle<PagedRegion>(region);
    }

    /// <returns>False when it is not there any more.</returns>
    internal bool Remove(int number)
    {
        if (!_regions[number].IsAllocated)
        {
            return false;
        }

        _regions[number].Dispose();
        return true;
    }

    /// <summary>Those that have not been dropped.</summary>
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

    /// <summary>Those that have not been dropped, and those that have and are still here.</summary>
    internal (int Alive, int Dropped) Count()
    {
        int alive = 0;
        int dropped = 0;
        foreach (WeakGCHandle<PagedRegion> weak in _regions)
        {
            if (weak.IsAllocated)
            {
                bool isAlive = weak.TryGetTarget(out _);
                alive += isAlive ? 1 : 0;
                dropped += isAlive ? 0 : 1;
            }
        }

        return (alive, dropped);
    }

    internal void Clear()
    {
        foreach (ref WeakGCHandle<PagedRegion> weak in _regions.AsSpan())
        {
            weak.Dispose();
        }
    }
}
