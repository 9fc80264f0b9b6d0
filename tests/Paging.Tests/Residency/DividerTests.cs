using FsCheck.Fluent;
using Paging.Memory;
using Paging.Residency;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>The reciprocal divides exactly wherever an array can be indexed.</summary>
public sealed class DividerTests
{
    [Fact]
    public void Every_element_size_divides_exactly_at_the_edges_of_the_largest_array()
    {
        foreach (int pageBytes in (int[])[FramePool.MinPageBytes, 16 << 10, 64 << 10])
        {
            for (int itemBytes = 1; itemBytes <= pageBytes; itemBytes++)
            {
                CheckEdges(pageBytes, itemBytes);
            }
        }
    }

    [Fact]
    public void Any_element_in_any_page_divides_exactly() => Seeded.Check(
        20_000,
        from pageShift in Gen.Choose(12, 22)
        from itemBytes in Gen.Choose(1, 1 << pageShift)
        from shift in Gen.Choose(0, pageShift)
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        select (PageBytes: 1 << pageShift, ItemBytes: Math.Max(1, itemBytes >> shift), Index: ((long)high << 31) | (uint)low),
        static _ => [],
        static place =>
        {
            CheckEdges(place.PageBytes, place.ItemBytes);
            int divisor = place.PageBytes / place.ItemBytes;
            Check(new Divider(divisor), divisor, place.Index % MostItems(place.PageBytes, divisor));
        });

    private static void CheckEdges(int pageBytes, int itemBytes)
    {
        int divisor = pageBytes / itemBytes;
        var divider = new Divider(divisor);
        long items = MostItems(pageBytes, divisor);
        long pages = items / divisor;
        foreach (long page in (ReadOnlySpan<long>)[0, 1, pages / 3, pages / 2, pages - 1])
        {
            Check(divider, divisor, page * divisor);
            Check(divider, divisor, (page * divisor) + divisor - 1);
        }
    }

    private static long MostItems(int pageBytes, int divisor) => PagedRegion.MaxBytes / pageBytes * divisor;

    private static void Check(Divider divider, int divisor, long n)
    {
        (long quotient, int remainder) = divider.Divide(n);
        if (quotient != n / divisor || remainder != n % divisor)
        {
            Assert.Fail($"{n} / {divisor} gives {quotient}, remainder {remainder}");
        }
    }
}
