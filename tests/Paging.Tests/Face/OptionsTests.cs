using System.Reflection;

using Paging.Residency;
namespace Paging.Tests.Face;

public class OptionsTests
{
    private static readonly PagerOptions s_small = new() { ResidentBytes = 1 << 20, PoolBytes = 4 << 20, BackgroundThreads = 0 };

    public static TheoryData<int> WrongPageSizes => [int.MinValue, -4096, -1, 0, 1, 2048, 4095, 4097, 12 << 10, 8 << 20, int.MaxValue];

    public static TheoryData<int> PageSizes => [.. Enumerable.Range(12, 11).Select(shift => 1 << shift)];

    [Fact]
    public void The_defaults_are_the_documented_ones()
    {
        var options = new PagerOptions();
        Assert.Equal(256L << 20, options.ResidentBytes);
        Assert.Equal(1L << 30, options.PoolBytes);
        Assert.Equal(16 << 10, options.PageBytes);
        Assert.Equal(1, options.BackgroundThreads);
        using var pager = new Pager();
        Assert.Equal(options, pager.Options);
        using PagedArray<int> array = pager.Allocate<int>(10);
        array[9] = 9;
        Assert.Equal(9, array[9]);
    }

    [Fact]
    public void A_pager_keeps_the_options_it_was_made_with()
    {
        using var pager = new Pager(s_small);
        Assert.Equal(s_small, pager.Options);
    }

    [Fact]
    public void A_negative_budget_is_refused_by_its_own_name()
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_small with { ResidentBytes = -1 }));
        Assert.StartsWith("ResidentBytes = -1 ", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_small with { PoolBytes = -1 }));
        Assert.StartsWith("PoolBytes = -1 ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(WrongPageSizes))]
    public void A_page_size_that_is_no_power_of_two_from_4_KiB_to_4_MiB_is_refused(int pageBytes)
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_small with { PageBytes = pageBytes }));
        Expect.Figure(pageBytes, e.Message);
    }

    [Theory]
    [MemberData(nameof(WrongPageSizes))]
    public void A_wrong_page_size_of_an_array_is_refused_and_the_pager_goes_on(int pageBytes)
    {
        using var working = new Working();
        var options = new PagedArrayOptions { PageBytes = pageBytes };
        Expect.OutOfRange(() => working.Pager.Allocate<byte>(100, options));
        Expect.OutOfRange(() => working.Pager.From<byte>(new byte[100], options));
        Expect.OutOfRange(() => working.Pager.AllocateMatrix<byte>(10, 10, options));
        working.IsWhole();
    }

    [Theory]
    [MemberData(nameof(PageSizes))]
    public void Every_power_of_two_from_4_KiB_to_4_MiB_is_a_page_size(int pageBytes)
    {
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 8L * pageBytes,
            PoolBytes = Math.Max(4 << 20, 40L * pageBytes),
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        using PagedArray<long> array = pager.Allocate<long>(12L * pageBytes / sizeof(long));
        Assert.Equal(pageBytes / sizeof(long), array.PageLength);
        for (long i = 0; i < array.Length; i += array.PageLength / 8)
            array[i] = i + 1;
        for (long i = 0; i < array.Length; i += array.PageLength / 8)
            Assert.Equal(i + 1, array[i]);
        Assert.True(pager.GetStatistics().Evictions > 0);
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16 << 10)]
    [InlineData((32 << 10) + 1)]
    [InlineData(long.MaxValue)]
    public void Resident_bytes_below_a_few_pages_or_beyond_reason_are_refused_with_the_figure(long residentBytes)
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_small with { ResidentBytes = residentBytes }));
        Expect.Figure(residentBytes, e.Message);
        Assert.Contains(nameof(PagerOptions.ResidentBytes), e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(long.MinValue)]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 << 10)]
    [InlineData(15 * (16 << 10))]
    [InlineData(long.MaxValue)]
    public void Pool_bytes_below_sixteen_segments_or_beyond_reason_are_refused_with_the_figure(long poolBytes)
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_small with { PoolBytes = poolBytes }));
        Expect.Figure(poolBytes, e.Message);
        Assert.Contains(nameof(PagerOptions.PoolBytes), e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(int.MinValue)]
    [InlineData(-1)]
    public void A_negative_number_of_background_threads_is_refused(int threads)
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => new Pager(s_small with { BackgroundThreads = threads }));
        Expect.Figure(threads, e.Message);
    }

    [Fact]
    public void Options_compare_by_and_print_what_users_see()
    {
        const BindingFlags Instance = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        string[] seen = [.. typeof(PagerOptions).GetProperties().Select(property => property.Name)];
        Assert.Equal(seen.Length, typeof(PagerOptions).GetFields(Instance).Length);
        Assert.All(seen, name => Assert.Contains($"{name} = ", s_small.ToString(), StringComparison.Ordinal));
        Assert.Equal(seen.Length, s_small.ToString().Count(letter => letter == '='));
        using var pager = new Pager(s_small, new PagerTuning { ColdAfter = TimeSpan.Zero });
        Assert.Equal(s_small, pager.Options);
    }

    [Fact]
    public void Pages_too_large_for_the_budgets_are_refused_and_the_pager_goes_on()
    {
        using var working = new Working();
        var options = new PagedArrayOptions { PageBytes = 4 << 20 };
        var e = Assert.Throws<ArgumentOutOfRangeException>(() => working.Pager.Allocate<byte>(100, options));
        Expect.Figure(4 << 20, e.Message);
        Expect.OutOfRange(() => working.Pager.AllocateMatrix<byte>(3, 1 << 20));
        working.IsWhole();
    }
}
