using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>What advice does, and that it changes no contents.</summary>
public class AdviceTests
{
    private const int PageLength = 512;

    public static TheoryData<PageAdvice> All => [.. Enum.GetValues<PageAdvice>()];

    [Theory]
    [MemberData(nameof(All))]
    public void No_advice_changes_contents_and_bad_input_is_refused_with_figures(PageAdvice advice)
    {
        using var held = new Held(60, backgroundThreads: 1);
        held.Fill();
        long length = held.Array.Length;
        held.Array.Advise(0, length, advice);
        held.VerifyAll();
        held.Array.Advise(PageLength - 1, PageLength + 2, advice);
        held.Array.Advise(length, 0, advice);
        held.Array.Advise(17, 0, advice);
        held.VerifyAll();
        Assert.Equal(-1L, Assert.Throws<ArgumentOutOfRangeException>(() => held.Array.Advise(-1, 1, advice)).ActualValue);
        Assert.Throws<ArgumentOutOfRangeException>(() => held.Array.Advise(0, -1, advice));
        Assert.Throws<ArgumentOutOfRangeException>(() => held.Array.Advise(5, length - 4, advice));
        Assert.Contains(
            "7", Assert.Throws<ArgumentOutOfRangeException>(() => held.Array.Advise(0, 1, (PageAdvice)7)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => held.Array.Advise(0, 1, (PageAdvice)(-1)));
        held.VerifyAll();
        held.AssertWithinBudgets();
        held.Array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => held.Array.Advise(0, length, advice));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Untouched_pages_stay_untouched(PageAdvice advice)
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(1L << 38);
        long faults = working.Pager.GetStatistics().Faults;
        array.Advise(0, array.Length, advice);
        Assert.Equal(0, array[1L << 37]);
        Assert.Equal(faults, working.Pager.GetStatistics().Faults);
    }

    [Fact]
    public void Pages_that_are_to_go_out_do_so_at_once_but_for_those_with_leases_and_partly_covered_ones_too()
    {
        using var held = new Held(40);
        held.Fill();
        for (int page = 0; page < 10; page++)
            held.Change(page);
        using (held.Array.Read(4 * PageLength))
        {
            PageState[] before = [.. Enumerable.Range(0, 10).Select(page => State(held, page))];
            Assert.Contains(PageState.Resident, before[2..8]);
            held.Array.Advise((2 * PageLength) + 511, (4 * PageLength) + 2, PageAdvice.PageOut);
            for (int page = 0; page < 10; page++)
                Assert.Equal(page is 4 ? PageState.Resident : page is >= 2 and <= 7 ? PageState.Swapped : before[page], State(held, page));
        }

        held.VerifyAll();
        Assert.True(held.Statistics.Evictions > 0);
    }

    [Fact]
    public void Cold_pages_are_the_next_to_go_and_not_if_they_are_used_before()
    {
        using var held = new Held(100);
        held.Fill().PageOut();
        for (int page = 0; page < Held.Frames; page++)
            held.Verify(page);
        int[] there = [.. Enumerable.Range(0, held.Pages).Where(page => State(held, page) == PageState.Resident)];
        int[] cold = [.. there.Skip(5).Take(4)];
        foreach (int page in cold)
            held.Array.Advise(page * PageLength, 1, PageAdvice.Cold);
        held.Verify(cold[1]);
        int free = Held.Frames - there.Length;
        for (int page = 50; page < 50 + free + 3; page++)
            held.Verify(page);
        foreach (int page in there)
            Assert.Equal(page == cold[1] || !cold.Contains(page), State(held, page) == PageState.Resident);
    }

    [Fact]
    public void Pages_that_are_needed_come_in_and_nobody_waits()
    {
        using var held = new Held(60, backgroundThreads: 1);
        held.Fill().PageOut();
        held.Array.Advise(10 * PageLength, 4 * PageLength, PageAdvice.WillNeed);
        while (State(held, 13) != PageState.Resident)
            Thread.Yield();
        for (int i = 0; i < 1000; i++)
            held.Array.Advise(0, held.Array.Length, PageAdvice.WillNeed);
        held.VerifyAll();
        held.AssertWithinBudgets();
    }

    [Fact]
    public void What_finds_no_room_in_a_full_pool_stays()
    {
        using var held = new Held(600);
        int refused = held.FillWhereThereIsRoom();
        held.Array.Advise(0, held.Array.Length, PageAdvice.PageOut);
        held.Array.Advise(0, held.Array.Length, PageAdvice.PageOut);
        Assert.True(refused > 0);
        held.VerifyAll();
    }

    [Fact]
    public void Rows_are_advised_on_with_their_pages()
    {
        using var working = new Working();
        using PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(100, 300);
        matrix.Fill(0, 100, 5);
        long evictions = working.Pager.GetStatistics().Evictions;
        matrix.Advise(96, 4, PageAdvice.PageOut);

        // Three rows a page: those of rows 96 to 99.
        Assert.Equal(evictions + 2, working.Pager.GetStatistics().Evictions);
        foreach (PageAdvice advice in Enum.GetValues<PageAdvice>())
        {
            matrix.Advise(0, 100, advice);
            matrix.Advise(100, 0, advice);
            Assert.Equal((5, 5), (matrix[0, 0], matrix[99, 299]));
        }

        Assert.Equal(-1L, Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Advise(-1, 1, PageAdvice.Cold)).ActualValue);
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Advise(99, 2, PageAdvice.Cold));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Advise(0, 1, (PageAdvice)99));
        working.IsWhole();
    }

    private static PageState State(Held held, int page) => PageWord.State(Internals.Pages(held.Array).Region.Load(page));
}
