using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap;

/// <summary>Reads that are begun for pages that are about to be loaded: neighbours at once, once, and whatever happens to them.</summary>
public sealed class ReadPlanTests
{
    private const int Pages = 3000;
    private const long PoolBytes = 4 << 20;
    private const long FileBytes = 16 << 20;

    [Fact]
    public void Neighbours_in_a_file_are_read_at_once_and_their_pages_need_no_read_of_their_own()
    {
        using Held held = InFile(out MemoryDevice device, out FaultyDevice _);
        long[] pages = OnFile(held, 96);
        long before = device.Reads;
        Begin(held, pages);
        long begun = device.Reads - before;
        Assert.Equal(begun, ReadPlan.Count);
        VerifyAndEnd(held, pages);
        Assert.InRange(begun, 1, pages.Length / 4);
        Assert.Equal(begun, device.Reads - before);
        Assert.Equal(0, held.Statistics.IoErrors);
    }

    [Fact]
    public void What_is_being_read_already_is_not_read_again()
    {
        using Held held = InFile(out MemoryDevice device, out FaultyDevice _);
        long[] pages = OnFile(held, 40);
        Begin(held, pages);
        long before = device.Reads;
        int count = ReadPlan.Count;
        Begin(held, pages);
        Assert.Equal(before, device.Reads);
        Assert.Equal(count, ReadPlan.Count);
        VerifyAndEnd(held, pages);
    }

    [Theory]
    [InlineData((int)Fault.InputOutputError)]
    [InlineData((int)Fault.FlippedBit)]
    [InlineData((int)Fault.MisdirectedRead)]
    public void A_read_of_many_that_goes_wrong_costs_no_page(int fault)
    {
        using Held held = InFile(out MemoryDevice device, out FaultyDevice faulty);
        long[] pages = OnFile(held, 64);
        faulty.Always = (Fault)fault;
        Begin(held, pages);
        Assert.True(faulty.Injected > 0);
        faulty.Always = Fault.None;
        long before = device.Reads;
        VerifyAndEnd(held, pages);
        Assert.True(device.Reads > before);
        Assert.Equal((0, 0), (held.Statistics.CorruptedPages, held.Statistics.IoErrors));
    }

    [Fact]
    public void Other_threads_load_from_it_and_it_lasts_until_they_are_done()
    {
        using Held held = InFile(out MemoryDevice device, out FaultyDevice _);
        long[] pages = OnFile(held, 64);
        device.DelaysCompletion = true;
        Begin(held, pages);
        long reads = device.Reads;
        var others = new Thread[4];
        for (int i = 0; i < others.Length; i++)
        {
            int first = i;
            others[i] = new Thread(() =>
            {
                for (int page = first; page < pages.Length; page += others.Length)
                    _ = held.Array[pages[page] * 512];
            });
            others[i].Start();
        }

        // The others cannot go on without, and nobody else completes anything.
        while (device.CompleteOne() || device.PendingCount > 0 || others.Any(static other => other.IsAlive))
            Thread.Yield();
        ReadPlan.End();
        foreach (Thread other in others)
            other.Join();
        device.DelaysCompletion = false;
        foreach (long page in pages)
            held.Verify(page);
        Assert.Equal(0, ReadPlan.Count);
        Assert.True(reads > 0);
    }

    [Fact]
    public void Pages_that_are_freed_or_written_meanwhile_are_what_they_are_now()
    {
        using Held held = InFile(out MemoryDevice _, out FaultyDevice _);
        long[] pages = OnFile(held, 60);
        Begin(held, pages);
        for (int i = 0; i < pages.Length; i += 2)
            held.Write(pages[i]);
        held.PageOut();
        VerifyAndEnd(held, pages);
    }

    [Fact]
    public void Who_ends_the_reads_that_were_begun_first_counts_those_that_ended_early()
    {
        using Held held = InFile(out MemoryDevice _, out FaultyDevice _);

        // Far apart, so that each is a read of its own.
        long[] pages = [.. OnFile(held, 512).Where(static (_, i) => i % 32 == 0)];
        try
        {
            Begin(held, pages[..8]);
            int first = ReadPlan.Count;
            Assert.True(first > 1);
            Assert.True(ReadPlan.TryEnd());
            Begin(held, pages[8..]);
            int second = ReadPlan.Count;
            Assert.True(second > 1);
            ReadPlan.End(first);
            Assert.Equal(second, ReadPlan.Count);
            ReadPlan.End(1);
            Assert.Equal(second - 1, ReadPlan.Count);
            Assert.True(ReadPlan.TryEnd());

            // Nobody counts them any more.
            ReadPlan.End();
            Begin(held, pages[8..]);
            ReadPlan.End(1);
            Assert.Equal(second - 1, ReadPlan.Count);
        }
        finally
        {
            ReadPlan.End();
        }
    }

    private static Held InFile(out MemoryDevice device, out FaultyDevice faulty)
    {
        var held = new Held(Pages, new Pager(Held.Options() with { PoolBytes = PoolBytes }));
        device = new MemoryDevice(FileBytes);
        faulty = new FaultyDevice(device, seed: 3);
        held.AddDevice(faulty);
        held.Fill().PageOut();
        held.AwaitWrites();
        return held;
    }

    /// <summary>Some pages that follow one another and are in the file.</summary>
    private static long[] OnFile(Held held, int count)
    {
        PagedRegion region = Internals.Pages(held.Array).Region;
        long[] pages = [.. Enumerable.Range(0, Pages).Select(static page => (long)page).Where(page => IsOnFile(held, region.Load(page))).Take(count)];
        Assert.Equal(count, pages.Length);
        return pages;
    }

    private static bool IsOnFile(Held held, ulong word)
    {
        if (PageWord.State(word) != PageState.Swapped)
            return false;
        Location location = held.Store.Descriptors.Locate(PageWord.Stored(word));
        return location.Where == Location.Kind.Segment && Internals.State(held.Store.Segments, location.Segment) == SegmentState.OnFile;
    }

    private static void Begin(Held held, long[] pages)
    {
        PagedRegion region = Internals.Pages(held.Array).Region;
        foreach (long page in pages)
            region.NoteRead(held.Store.Loader, page);
        ReadPlan.Begin(held.Store.Loader);
    }

    private static void VerifyAndEnd(Held held, long[] pages)
    {
        try
        {
            foreach (long page in pages)
                held.Verify(page);
        }
        finally
        {
            ReadPlan.End();
        }

        Assert.Equal(0, ReadPlan.Count);
        held.AssertWithinBudgets();
    }
}
