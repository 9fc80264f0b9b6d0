using FsCheck;
using FsCheck.Fluent;
using Paging.Memory;
using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>The page table entry by itself: every field keeps its value while the others change.</summary>
public sealed unsafe class PageWordTests
{
    private const long SomeFrame = 5L << 12;

    [Fact]
    public void A_table_of_zeroes_is_a_table_of_untouched_pages() => Assert.Equal(PageState.Untouched, PageWord.State(0));

    [Fact]
    public void A_page_goes_through_its_life()
    {
        ulong page = 0;
        Assert.True(PageWord.TryBeginFill(&page, page));
        Assert.Equal(PageState.Filling, PageWord.State(page));
        Assert.True(PageWord.IsClaimed(page));

        Assert.False(PageWord.CompleteFill(&page, 0, SomeFrame, PageWord.Dirty));
        Assert.Equal((PageState.Resident, SomeFrame, 1), (PageWord.State(page), PageWord.Offset(page), PageWord.Pins(page)));
        PageWord.Unpin(&page);
        Assert.Equal(0, PageWord.Pins(page));

        ulong resident = page;
        Assert.True(PageWord.TryBeginEvict(&page, resident));
        Assert.Equal(PageState.Evicting, PageWord.State(page));
        Assert.False(PageWord.CompleteEvict(&page, resident, stored: 77, history: 9));
        Assert.Equal((PageState.Swapped, 77u, 9), (PageWord.State(page), PageWord.Stored(page), PageWord.History(page)));

        Assert.True(PageWord.TryEnd(&page, page, PageState.Dead));
        Assert.Equal(PageState.Dead, PageWord.State(page));
    }

    [Fact]
    public void A_transition_from_a_word_that_has_changed_does_not_happen()
    {
        ulong page = Resident(SomeFrame);
        ulong old = page;
        Assert.True(PageWord.TryPin(&page, page, 0));
        ulong pinned = page;
        Assert.False(PageWord.TryPin(&page, old, PageWord.Dirty));
        Assert.False(PageWord.TryBeginEvict(&page, old));
        Assert.False(PageWord.TryEvictClean(&page, old, 3, 0));
        Assert.Equal(pinned, page);
    }

    [Fact]
    public void A_pin_that_is_not_out_is_refused_and_the_word_repaired()
    {
        ulong page = Resident(SomeFrame) | PageWord.Dirty;
        ulong before = page;
        ulong* word = &page;
        Assert.Throws<InvalidOperationException>(() => PageWord.Unpin(word));
        Assert.Equal(before, page);
    }

    [Fact]
    public void A_pin_on_a_page_that_has_left_its_frame_is_refused_and_the_word_repaired()
    {
        ulong page = Resident(SomeFrame);
        Assert.True(PageWord.TryEvictClean(&page, page, stored: (1 << 28) - 1, history: 4095));
        ulong before = page;
        ulong* word = &page;
        Assert.Throws<InvalidOperationException>(() => PageWord.Unpin(word));
        Assert.Equal(before, page);
    }

    [Fact]
    public void As_many_pins_as_there_can_be_leave_the_other_fields_alone()
    {
        ulong page = Resident(SomeFrame) | PageWord.Dirty;
        ulong before = page;
        for (int pins = 0; pins < PageWord.MaxPins - 1; pins++)
        {
            Assert.True(PageWord.TryPin(&page, page, 0));
        }

        Assert.Equal(PageWord.MaxPins - 1, PageWord.Pins(page));
        Assert.Equal(before, page & (PageWord.PinOne - 1));
        for (int pins = 0; pins < PageWord.MaxPins - 1; pins++)
        {
            PageWord.Unpin(&page);
        }

        Assert.Equal(before, page);
    }

    [Fact]
    public void One_lease_too_many_is_refused_and_the_others_stay()
    {
        using var pager = new Pager(new PagerOptions { PageBytes = 4096, ResidentBytes = 64 << 10, PoolBytes = 1 << 20, BackgroundThreads = 0 });
        using PagedArray<byte> array = pager.Allocate<byte>(4096);
        array[0] = 1;
        PagedRegion region = Internals.Region(array);
        for (int pins = 0; pins < PageWord.MaxPins - 1; pins++)
        {
            region.Pin(0, write: false, out _);
        }

        Assert.Throws<InvalidOperationException>(() => array.Read(0).Dispose());
        Assert.Throws<InvalidOperationException>(() => array[0] = 2);
        Assert.Equal(PageWord.MaxPins - 1, region.Closer.CountPins());
        Assert.Equal(1, array[0]);
        for (int pins = 0; pins < PageWord.MaxPins - 1; pins++)
        {
            PageWord.Unpin(region.Words);
        }

        array[0] = 3;
        Assert.Equal(3, array[0]);
    }

    [Fact]
    public void A_waiter_is_seen_by_whoever_ends_the_claim_and_is_gone_then()
    {
        ulong page = 0;
        Assert.False(PageWord.TrySetWaiters(&page));
        Assert.True(PageWord.TryBeginFill(&page, page));
        Assert.True(PageWord.TrySetWaiters(&page));
        Assert.True(PageWord.TrySetWaiters(&page));
        Assert.True(PageWord.CompleteFill(&page, 0, SomeFrame, 0));
        Assert.Equal(0ul, page & PageWord.Waiters);
        PageWord.Unpin(&page);

        ulong resident = page;
        Assert.True(PageWord.TryBeginEvict(&page, resident));
        Assert.True(PageWord.TrySetWaiters(&page));
        Assert.True(PageWord.AbandonEvict(&page, resident));
        Assert.Equal(resident, page);
    }

    [Fact]
    public void Two_residencies_in_one_frame_differ_whatever_lies_between()
    {
        ulong page = 0;
        for (int round = 0; round < 70_000; round++)
        {
            ulong away = page;
            Assert.True(PageWord.TryBeginFill(&page, away));
            PageWord.CompleteFill(&page, away, SomeFrame, 0);
            ulong seen = page;
            PageWord.Unpin(&page);
            Assert.True(PageWord.IsUnchanged(&page, seen));

            Assert.True(PageWord.TryEvictClean(&page, page, stored: 12345, history: 678));
            Assert.Equal((12345u, 678), (PageWord.Stored(page), PageWord.History(page)));
            ulong before = page;
            Assert.True(PageWord.TryBeginFill(&page, before));
            PageWord.CompleteFill(&page, before, SomeFrame, 0);
            PageWord.Unpin(&page);
            Assert.False(PageWord.IsUnchanged(&page, seen));
            Assert.Equal(SomeFrame, PageWord.Offset(page));
            Assert.True(PageWord.TryEvictClean(&page, page, stored: 0, history: 0));
            Assert.True(PageWord.IsUnstored(page));
            Assert.NotEqual(0, PageWord.Version(page));
        }
    }

    [Fact]
    public void A_reader_minds_the_frame_and_the_state_and_not_pins_or_dirt()
    {
        ulong page = Resident(SomeFrame) | PageWord.Referenced;
        ulong seen = page;
        Assert.True(PageWord.TryPin(&page, page, PageWord.Referenced | PageWord.Dirty));
        Assert.True(PageWord.IsUnchanged(&page, seen));
        PageWord.Unpin(&page);
        Assert.True(PageWord.TryBeginEvict(&page, page));
        Assert.False(PageWord.IsUnchanged(&page, seen));

        ulong elsewhere = Resident(SomeFrame + (1 << 12)) | PageWord.Referenced;
        Assert.False(PageWord.IsUnchanged(&elsewhere, seen));
    }

    [Fact]
    public void The_reference_bit_comes_and_goes_by_itself()
    {
        ulong page = Resident(SomeFrame);
        ulong before = page;
        PageWord.Reference(&page, page);
        Assert.True(PageWord.IsHot(page));
        PageWord.Unreference(&page, before);
        Assert.True(PageWord.IsHot(page));
        PageWord.Unreference(&page, page);
        Assert.Equal(before, page);
    }

    [Fact]
    public void Every_frame_stored_page_and_time_fits_its_field() => Seeded.Check(
        2_000,
        from frame in Wide(PageWord.MaxOffset >> 12)
        from stored in Wide(DescriptorTable.MaxDescriptors - 2)
        from time in Gen.Choose(0, (1 << Replacement.HistoryBits) - 1)
        from flags in Gen.Elements(0ul, PageWord.Dirty, PageWord.Referenced, PageWord.Dirty | PageWord.Referenced)
        select (Offset: frame << 12, Stored: (uint)stored + 1, Time: time, Flags: flags),
        static _ => [],
        static fields =>
        {
            ulong page = 0;
            PageWord.TryBeginFill(&page, page);
            PageWord.CompleteFill(&page, 0, fields.Offset, fields.Flags);
            Assert.Equal((fields.Offset, 1, PageState.Resident), (PageWord.Offset(page), PageWord.Pins(page), PageWord.State(page)));
            Assert.Equal(fields.Flags, page & (PageWord.Dirty | PageWord.Referenced));
            PageWord.Unpin(&page);
            ulong resident = page;
            PageWord.TryBeginEvict(&page, page);
            Assert.Equal((fields.Offset, PageState.Evicting), (PageWord.Offset(page), PageWord.State(page)));
            PageWord.CompleteEvict(&page, resident, fields.Stored, fields.Time);
            Assert.Equal((fields.Stored, fields.Time, PageState.Swapped), (PageWord.Stored(page), PageWord.History(page), PageWord.State(page)));
        });

    private static Gen<long> Wide(long most) =>
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        from shift in Gen.Choose(0, 40)
        select Math.Min(most, ((((long)high << 31) | (uint)low) % (most + 1)) >> (shift % 20));

    private static ulong Resident(long offset)
    {
        ulong page = 0;
        PageWord.TryBeginFill(&page, 0);
        PageWord.CompleteFill(&page, 0, offset, 0);
        PageWord.Unpin(&page);
        return page;
    }
}
