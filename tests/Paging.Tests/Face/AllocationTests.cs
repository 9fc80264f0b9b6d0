using System.Runtime.CompilerServices;
using Paging.Stress.Driver;

namespace Paging.Tests.Face;

public class AllocationTests
{
    [InlineArray(5000)]
    private struct Large
    {
        private byte _first;
    }

    [InlineArray((4 << 20) + 1)]
    private struct Huge
    {
        private byte _first;
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MaxValue / 16)]
    [InlineData(long.MaxValue / 16 + 2)]
    public void A_length_that_is_not_positive_or_overflows_is_refused_and_the_pager_goes_on(long length)
    {
        using var working = new Working();
        Expect.OutOfRange(() => working.Pager.Allocate<decimal>(length));
        Expect.OutOfRange(() => working.Pager.AllocateMatrix<decimal>(length, 3));
        working.IsWhole();
    }

    [Fact]
    public void Bytes_without_end_are_refused()
    {
        using var working = new Working();
        Expect.OutOfRange(() => working.Pager.Allocate<byte>(long.MaxValue));
        Expect.OutOfRange(() => working.Pager.Allocate<byte>(long.MaxValue - 4095));
        working.IsWhole();
    }

    [Fact]
    public void An_element_larger_than_a_page_is_refused_and_fits_a_larger_page()
    {
        using var working = new Working();
        var e = Assert.ThrowsAny<ArgumentException>(() => working.Pager.Allocate<Large>(10));
        Expect.Figure(5000, e.Message);
        Assert.ThrowsAny<ArgumentException>(() => working.Pager.Allocate<Huge>(10));
        using (PagedArray<Large> array = working.Pager.Allocate<Large>(10, new PagedArrayOptions { PageBytes = 8 << 10 }))
        {
            Large element = default;
            for (int i = 0; i < 10; i++)
            {
                element[4999] = (byte)i;
                array[i] = element;
            }

            for (int i = 0; i < 10; i++)
                Assert.Equal(i, array[i][4999]);
            Assert.Equal(1, array.PageLength);
        }

        working.IsWhole();
    }

    [Fact]
    public void Pages_hold_as_many_whole_elements_as_fit()
    {
        using var working = new Working();
        Check<byte>(4096);
        Check<float>(1024);
        Check<Vector>(341);
        Check<decimal>(256);
        Check<Particle>(146);

        void Check<T>(int pageLength) where T : unmanaged
        {
            foreach (long length in new long[] { 1, pageLength - 1, pageLength, pageLength + 1, 10L * pageLength, 10L * pageLength + 1 })
            {
                using PagedArray<T> array = working.Pager.Allocate<T>(length);
                Assert.Equal(length, array.Length);
                Assert.Equal(pageLength, array.PageLength);
                Assert.Equal((length + pageLength - 1) / pageLength, array.PageCount);
            }
        }
    }

    [Fact]
    public void The_last_element_of_each_page_is_not_the_first_of_the_next()
    {
        using var working = new Working();
        using PagedArray<Particle> array = working.Pager.Allocate<Particle>(1000);
        for (int i = 0; i < 1000; i++)
            array[i] = new Particle(i, i, i, i, i, i, i);
        for (int i = 0; i < 1000; i++)
            Assert.Equal(new Particle(i, i, i, i, i, i, i), array[i]);
    }

    [Fact]
    public void A_new_array_is_of_zeroes_also_where_pages_have_been_used_before()
    {
        using var working = new Working();
        for (int round = 0; round < 3; round++)
        {
            using PagedArray<long> array = working.Pager.Allocate<long>(20_000);
            for (long i = 0; i < array.Length; i += array.PageLength)
            {
                using WriteLease<long> lease = array.Write(i);
                Assert.Equal(-1, lease.Span.IndexOfAnyExcept(0));
                lease.Span.Fill(-1);
            }
        }

        working.IsWhole();
    }

    [Fact]
    public void From_copies_the_source()
    {
        using var working = new Working();
        var source = new Vector[50_000];
        Content.Write(ContentKind.Text, 3, source.AsSpan());
        using PagedArray<Vector> array = working.Pager.From<Vector>(source, new PagedArrayOptions { PageBytes = 8 << 10 });
        Vector[] original = [.. source];
        Array.Clear(source);
        var copy = new Vector[source.Length];
        array.CopyTo(0, copy);
        Assert.Equal(682, array.PageLength);
        Assert.Equal(-1, Content.FirstDifference<Vector>(original, copy));
    }

    [Fact]
    public void From_nothing_is_refused()
    {
        using var working = new Working();
        Expect.OutOfRange(() => working.Pager.From<int>([]));
        working.IsWhole();
    }

    [Fact]
    public void From_more_than_fits_is_refused_and_leaves_nothing_behind()
    {
        using var pager = new Pager(new PagerOptions { ResidentBytes = 64 << 10, PoolBytes = 2 << 20, PageBytes = 4 << 10, BackgroundThreads = 0 });
        var noise = new byte[4 << 20];
        Content.Write<byte>(ContentKind.Noise, 1, noise);
        Assert.Throws<OutOfPagingSpaceException>(() => pager.From<byte>(noise));
        Assert.True(pager.GetStatistics() is { ResidentBytes: 0, PoolStoredBytes: 0 }, pager.GetStatistics().ToString());
        using PagedArray<byte> array = pager.From<byte>(noise.AsSpan(0, 1 << 20));
        var copy = new byte[1 << 20];
        array.CopyTo(0, copy);
        Assert.Equal(-1, Content.FirstDifference<byte>(noise.AsSpan(0, copy.Length), copy));
    }
}
