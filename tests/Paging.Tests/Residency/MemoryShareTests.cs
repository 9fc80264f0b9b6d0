using FsCheck;
using FsCheck.Fluent;
using Paging.Memory;
using Paging.Residency;
using Paging.Tests.Model;

namespace Paging.Tests.Residency;

/// <summary>How far budgets go between floors and ceilings: quickly down, slowly up, and nowhere in between for nothing.</summary>
public sealed class MemoryShareTests
{
    private const long GiB = 1L << 30;
    private const long Total = 16 * GiB;
    private const long Reserve = 1 * GiB;

    [Fact]
    public void With_enough_left_the_ceilings_stay()
    {
        var share = new MemoryShare();
        for (int i = 0; i < 100; i++)
            share.Look(Left(8 * GiB), committed: GiB, floor: 0, ceiling: 4 * GiB);
        Assert.Equal(1, share.Share);
        Assert.Equal(7, share.Of(3, 7));
    }

    [Fact]
    public void Short_of_memory_the_budgets_are_at_their_floors_after_four_looks()
    {
        var share = new MemoryShare();
        for (int i = 1; i <= 4; i++)
        {
            share.Look(Left(0), committed: 0, floor: GiB, ceiling: 5 * GiB);
            Assert.Equal(1 - (i * MemoryShare.MaxShrink), share.Share, 9);
        }

        Assert.Equal(GiB, share.Of(GiB, 5 * GiB));
    }

    [Fact]
    public void What_others_take_is_given_up_and_no_more()
    {
        var share = new MemoryShare();
        for (int i = 0; i < 10; i++)
            share.Look(Left(GiB / 2), committed: 3 * GiB, floor: 0, ceiling: 4 * GiB);
        Assert.Equal(2.5 / 4, share.Share, 6);
    }

    [Fact]
    public void Under_pressure_it_goes_down_even_if_much_is_left()
    {
        var share = new MemoryShare();
        share.Look(Left(8 * GiB) with { Pressure = 30 }, committed: GiB, floor: 0, ceiling: 4 * GiB);
        Assert.Equal(1 - (1.0 / 16), share.Share, 9);
        share.Look(Left(8 * GiB) with { Pressure = 5 }, committed: GiB, floor: 0, ceiling: 4 * GiB);
        Assert.Equal(1 - (1.0 / 16), share.Share, 9);
    }

    [Fact]
    public void It_grows_after_some_calm_a_little_at_a_time_and_all_the_way()
    {
        var share = new MemoryShare();
        for (int i = 0; i < 4; i++)
            share.Look(Left(0), committed: 0, floor: 0, ceiling: 4 * GiB);
        for (int i = 1; i < MemoryShare.CalmLooks; i++)
            Calm(0);
        Calm(MemoryShare.MaxGrow);
        Calm(2 * MemoryShare.MaxGrow);
        share.Look(Left(12 * GiB) with { Pressure = 2 }, committed: 0, floor: 0, ceiling: 4 * GiB);
        for (int i = 1; i < MemoryShare.CalmLooks; i++)
            Calm(2 * MemoryShare.MaxGrow);
        for (int i = 0; i < 40; i++)
            share.Look(Left(12 * GiB), committed: 0, floor: 0, ceiling: 4 * GiB);
        Assert.Equal(1, share.Share);

        void Calm(double expected)
        {
            share.Look(Left(12 * GiB), committed: 0, floor: 0, ceiling: 4 * GiB);
            Assert.Equal(expected, share.Share, 9);
        }
    }

    [Fact]
    public void A_program_that_would_be_refused_gets_the_ceilings_in_the_end()
    {
        var share = new MemoryShare();
        for (int i = 0; i < 4; i++)
            share.Look(Left(0), committed: 0, floor: 0, ceiling: 4 * GiB);
        int grown = 0;
        while (share.TryGrowForNeed())
            grown++;
        Assert.Equal(1, share.Share);
        Assert.InRange(grown, 2, 64);
    }

    [Fact]
    public void Whatever_is_read_the_share_stays_within_bounds_and_moves_by_bounded_steps()
    {
        Gen<(long Left, int Pressure, long Committed)> look =
            from left in Gen.OneOf(Gen.Choose(0, 4096), Gen.Choose(0, 20000), Gen.Constant(int.MaxValue))
            from pressure in Gen.OneOf(Gen.Constant(0), Gen.Choose(0, 100))
            from committed in Gen.Choose(0, 5000)
            select ((long)left << 20, pressure, (long)committed << 20);
        var cases =
            from looks in Gen.ArrayOf(look, 60)
            from floor in Gen.Choose(0, 4096)
            from span in Gen.Choose(0, 4096)
            select (looks, floor: (long)floor << 20, ceiling: ((long)floor + span) << 20);
        Seeded.Check(200, cases, static _ => [], static one =>
        {
            var share = new MemoryShare();
            int sinceDown = 0;
            foreach ((long left, int pressure, long committed) in one.looks)
            {
                double before = share.Share;
                share.Look(new MemoryReading(left, Total, pressure), committed, one.floor, one.ceiling);
                Assert.InRange(share.Share, 0, 1);
                Assert.InRange(share.Share, before - MemoryShare.MaxShrink - 1e-9, before + MemoryShare.MaxGrow + 1e-9);
                Assert.InRange(share.Of(one.floor, one.ceiling), one.floor, one.ceiling);

                // It never promises more than there is, unless it is on its way down.
                double may = committed + (double)left - Reserve;
                bool promises = share.Of(one.floor, one.ceiling) > Math.Max(one.floor, may) + 1;
                Assert.False(
                    promises && share.Share >= before && share.Share > 0 && one.ceiling > one.floor, $"up to {share.Share}, with {may} to be had");
                sinceDown = share.Share < before ? 0 : sinceDown + 1;
                Assert.False(share.Share > before && sinceDown < MemoryShare.CalmLooks, "it grew too soon");
            }
        });
    }

    private static MemoryReading Left(long bytes) => new(bytes, Total, 0);
}
