using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Ways to store a page.</summary>
internal static class Forms
{
    private static readonly int[] s_lanes = [1, 2, 4, 8];

    /// <summary>All that can be done to elements of so many bytes.</summary>
    public static IEnumerable<Filter> FiltersOf(int stride) =>
        from kind in Enum.GetValues<FilterKind>()
        from lane in s_lanes
        let filter = new Filter(kind, stride, lane)
        where filter.IsValid
        select filter;

    /// <summary>Any valid filter, mostly of a short stride.</summary>
    public static Filter Filter(ref Rng rng)
    {
        int stride = rng.Chance(75) ? 1 + rng.Next(64) : 1 + rng.Next(Paging.Codecs.Filters.Filter.MaxStride);
        Filter[] filters = [.. FiltersOf(stride)];
        return filters[rng.Next(filters.Length)];
    }

    /// <summary>Any but raw.</summary>
    public static StoredForm Encoded(ref Rng rng) => new(rng.Chance(50) ? Codec.Lz4 : Codec.Zstd, Filter(ref rng));
}
