namespace Paging.Tests.Face;

/// <summary>A large array of which little is used. No time is asserted: what would take minutes does not end with the suite.</summary>
public class SparseTests
{
    private const int PageBytes = 4 << 10;
    private const long Length = 1L << 45;

    [Fact]
    public void Discarding_32_TiB_looks_at_what_is_there()
    {
        using Pager pager = Make();
        using PagedArray<byte> array = pager.Allocate<byte>(Length);
        long[] touched = [0, 5, PageBytes, (1L << 40) + 7, (1L << 44) + 12_345_678, Length - 1];
        for (int round = 0; round < 20; round++)
        {
            foreach (long index in touched)
                array[index] = 7;
            using (WriteLease<byte> lease = array.Write(1L << 40))
            {
                // A page that is pinned is zeroed in place. The first byte and the last are not of the range.
                lease.Span[0] = 9;
                array.Discard(1, Length - 2);
                Assert.Equal(0, lease.Span[0]);
            }

            Assert.Equal([7, 0, 0, 0, 0, 7], touched.Select(index => array[index]));
            array.Discard(0, Length);
            Assert.All(touched, index => Assert.Equal(0, array[index]));
            Assert.Equal(0, pager.GetStatistics().PoolStoredBytes);
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 511)]
    [InlineData(511, 2)]
    [InlineData(512, 512)]
    [InlineData(700, 900)]
    [InlineData(1599, 1)]
    public void Discarding_pages_zeroes_them_and_no_others(int first, int count)
    {
        using Pager pager = Make();
        using PagedArray<int> array = pager.Allocate<int>((1600 * PageBytes / sizeof(int)) - 3);
        for (int page = 0; page < 1600; page += page is > 1000 and < 1500 ? 97 : 1)
            array[page * (long)array.PageLength] = page + 1;
        long start = first * (long)array.PageLength;
        array.Discard(start, Math.Min(count * (long)array.PageLength, array.Length - start));
        for (int page = 0; page < 1600; page += page is > 1000 and < 1500 ? 97 : 1)
            Assert.Equal(page >= first && page < first + count ? 0 : page + 1, array[page * (long)array.PageLength]);
    }

    private static Pager Make() => new(new PagerOptions
    {
        ResidentBytes = 64 * PageBytes,
        PoolBytes = 8 << 20,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    });
}
