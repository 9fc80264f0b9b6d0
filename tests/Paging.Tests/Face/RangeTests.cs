namespace Paging.Tests.Face;

public class RangeTests
{
    private const long Length = 3000;    // two pages and the better part of a third

    public static TheoryData<long> IndicesOutside => [long.MinValue, -1, Length, Length + 1, int.MaxValue, uint.MaxValue, long.MaxValue];

    /// <summary>Starts and lengths that are not within the array, some of which overflow when added.</summary>
    public static TheoryData<long, long> RangesOutside => new()
    {
        { -1, 1 },
        { -1, 0 },
        { long.MinValue, 1 },
        { long.MinValue, long.MaxValue },
        { 0, Length + 1 },
        { 1, Length },
        { Length, 1 },
        { Length + 1, 0 },
        { 10, long.MaxValue },
        { 10, long.MaxValue - 9 },
        { long.MaxValue, 1 },
        { long.MaxValue, long.MaxValue },
        { 0, -1 },
        { 10, -1 },
        { 10, long.MinValue },
    };

    [Theory]
    [MemberData(nameof(IndicesOutside))]
    public void An_index_outside_the_array_is_refused(long index)
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(Length);
        Expect.OutOfRange(() => { _ = array[index]; });
        Expect.OutOfRange(() => array[index] = 1);
        Expect.OutOfRange(() => { _ = array.Read(index); });
        Expect.OutOfRange(() => { _ = array.Write(index); });
        Expect.OutOfRange(() => { _ = array.Read(index, 1); });
        Expect.OutOfRange(() => { _ = array.Write(index, 1); });
        IsAllZero(array);
        working.IsWhole();
    }

    [Theory]
    [MemberData(nameof(RangesOutside))]
    public void A_range_outside_the_array_is_refused_whole(long start, long length)
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(Length);
        Expect.OutOfRange(() => array.Fill(start, length, 9));
        Expect.OutOfRange(() => array.Discard(start, length));
        if (length is >= 0 and <= 2 * Length)
        {
            var buffer = new int[length];
            buffer.AsSpan().Fill(9);
            Expect.OutOfRange(() => array.CopyTo(start, buffer));
            Assert.Equal(-1, buffer.AsSpan().IndexOfAnyExcept(9));
            Expect.OutOfRange(() => array.CopyFrom(start, buffer));
        }

        if (length is >= int.MinValue and <= int.MaxValue)
        {
            Assert.ThrowsAny<ArgumentException>(() => { _ = array.Read(start, (int)length); });
            Assert.ThrowsAny<ArgumentException>(() => { _ = array.Write(start, (int)length); });
        }

        IsAllZero(array);
        working.IsWhole();
    }

    [Theory]
    [InlineData(0, 1025)]
    [InlineData(1023, 2)]
    [InlineData(1, 1024)]
    [InlineData(2047, 900)]
    [InlineData(500, 2500)]
    public void A_span_cannot_cross_a_page_and_the_message_names_what_can(long start, int length)
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(Length);
        foreach (var e in new[]
        {
            Assert.ThrowsAny<ArgumentException>(() => { _ = array.Read(start, length); }),
            Assert.ThrowsAny<ArgumentException>(() => { _ = array.Write(start, length); }),
        })
        {
            Assert.Contains("ReadSequence", e.Message, StringComparison.Ordinal);
            Assert.Contains("CopyTo", e.Message, StringComparison.Ordinal);
        }

        IsAllZero(array);
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(Length - 1)]
    [InlineData(Length)]
    public void An_empty_range_is_within_the_array_up_to_its_end(long start)
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(Length);
        array.CopyTo(start, []);
        array.CopyFrom(start, []);
        array.Fill(start, 0, 9);
        array.Discard(start, 0);
        using (ReadLease<int> lease = array.Read(start, 0))
            Assert.True(lease.Span.IsEmpty);
        using (WriteLease<int> lease = array.Write(start, 0))
            Assert.True(lease.Span.IsEmpty);
        IsAllZero(array);
    }

    [Fact]
    public void A_fill_across_pages_touches_its_range_and_no_more()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(Length);
        array.Fill(1000, 1500, 9);
        array.Discard(1024, 1024);
        for (int i = 0; i < Length; i++)
            Assert.Equal(i is >= 1000 and < 2500 and not (>= 1024 and < 2048) ? 9 : 0, array[i]);
    }

    [Fact]
    public void A_copy_from_a_page_of_the_same_array_reads_all_of_it_before_it_overwrites_it()
    {
        using var working = new Working();
        int[] plain = [.. Enumerable.Range(0, 4096)];
        using PagedArray<int> array = working.Pager.From<int>(plain);
        using (ReadLease<int> lease = array.Read(0))
            array.CopyFrom(1, lease.Span);
        plain.AsSpan(0, 1024).CopyTo(plain.AsSpan(1));
        Assert.Equal(1023, array[1024]);
        Holds(plain, array);
    }

    [Fact]
    public void A_copy_into_a_page_of_the_same_array_reads_all_of_it_before_it_overwrites_it()
    {
        using var working = new Working();
        int[] plain = [.. Enumerable.Range(0, 4096)];
        using PagedArray<int> array = working.Pager.From<int>(plain);
        using (WriteLease<int> lease = array.Write(1024))
            array.CopyTo(1023, lease.Span);
        plain.AsSpan(1023, 1024).CopyTo(plain.AsSpan(1024));
        Assert.Equal(1024, array[1025]);
        Holds(plain, array);
    }

    [Fact]
    public void A_page_can_be_copied_onto_itself_and_over_the_short_last_page()
    {
        using var working = new Working();
        int[] plain = [.. Enumerable.Range(0, 1030)];
        using PagedArray<int> array = working.Pager.From<int>(plain);
        using (ReadLease<int> whole = array.Read(0))
        using (ReadLease<int> last = array.Read(1024))
        {
            array.CopyFrom(0, whole.Span);
            array.CopyFrom(1024, last.Span);
            Holds(plain, array);
            array.CopyFrom(6, whole.Span);
            plain.AsSpan(0, 1024).CopyTo(plain.AsSpan(6));
        }

        Holds(plain, array);
    }

    private static void Holds(int[] expected, PagedArray<int> array)
    {
        var copy = new int[array.Length];
        array.CopyTo(0, copy);
        Assert.Equal(expected, copy);
    }

    private static void IsAllZero(PagedArray<int> array)
    {
        var copy = new int[array.Length];
        array.CopyTo(0, copy);
        Assert.Equal(-1, copy.AsSpan().IndexOfAnyExcept(0));
    }
}
