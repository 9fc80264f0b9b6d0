using System.Runtime.CompilerServices;

namespace Paging.Tests.Face;

/// <summary>Elements that pages hold and the runtime has no arrays of.</summary>
public sealed class LongElementTests
{
    [InlineArray(ushort.MaxValue)]
    private struct Longest
    {
        private byte _first;
    }

    [InlineArray(ushort.MaxValue + 1)]
    private struct TooLong
    {
        private byte _first;
    }

    [Fact]
    public void Batches_and_sequences_have_the_longest_elements_of_arrays()
    {
        using Pager pager = Make();
        using PagedMatrix<Longest> matrix = pager.AllocateMatrix<Longest>(10, 1);
        using BatchReader<Longest> reader = matrix.ReadBatches(RowOrder.Sequential(10), 2);
        Assert.True(reader.MoveNext());
        Assert.Equal(2, reader.CurrentMemory.Length);
        using PagedArray<Longest> array = pager.Allocate<Longest>(10);
        using PagedSequence<Longest> sequence = array.ReadSequence(3, 4);
        long length = 0;
        foreach (ReadOnlyMemory<Longest> page in sequence.Sequence)
            length += page.Span.Length;
        Assert.Equal(4, length);
    }

    [Fact]
    public void Longer_ones_are_refused_with_the_figures_where_an_array_is_needed()
    {
        using Pager pager = Make();
        using PagedMatrix<TooLong> matrix = pager.AllocateMatrix<TooLong>(10, 1);
        AssertRefused(() => matrix.ReadBatches(RowOrder.Sequential(10), 2));
        using PagedArray<TooLong> array = pager.Allocate<TooLong>(10);
        AssertRefused(() => array.ReadSequence(3, 4));
        AssertRefused(() => array.ReadSequence(0, 0));
        Assert.Equal(0, pager.GetStatistics().Pins);

        static void AssertRefused(Action action)
        {
            string message = Assert.Throws<NotSupportedException>(action).Message;
            Assert.Contains("65,535", message, StringComparison.Ordinal);
            Assert.Contains("65,536", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Everything_else_takes_them()
    {
        using Pager pager = Make();
        using PagedArray<TooLong> array = pager.Allocate<TooLong>(10);
        using (PageOwner<TooLong> owner = await array.PinAsync(3, writable: true, TestContext.Current.CancellationToken))
            owner.GetSpan()[0][65_535] = 7;
        using (ReadLease<TooLong> lease = array.Read(3))
            Assert.Equal(7, lease.Span[0][65_535]);
        await array.PrefetchAsync(0, 10, TestContext.Current.CancellationToken);
        using PagedArray<TooLong> clone = array.Clone();
        Assert.Equal(7, clone[3][65_535]);
    }

    private static Pager Make() =>
        new(new PagerOptions { PageBytes = 64 << 10, ResidentBytes = 4 << 20, PoolBytes = 32 << 20, BackgroundThreads = 0 });
}
