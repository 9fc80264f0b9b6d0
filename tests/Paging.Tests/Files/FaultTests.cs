using Paging.Stress.Driver;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Files;

/// <summary>Devices that fail, at every operation in turn.</summary>
public sealed class FaultTests
{
    private const int Pages = 700;

    /// <summary>Faults of writes that the device owns up to, and what slows it down: they must lose nothing.</summary>
    public static TheoryData<int> HonestFaults() =>
        [(int)Fault.InputOutputError, (int)Fault.TornWrite, (int)Fault.Delay];

    [Theory]
    [MemberData(nameof(HonestFaults))]
    public void A_write_that_fails_loses_nothing_whichever_it_is(int fault)
    {
        for (int number = 0; number < 16; number++)
        {
            using var held = new Held(Pages);
            var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: (ulong)number);
            SwapFile file = held.AddDevice(device);
            device.Plan.Add(number, (Fault)fault);
            held.Fill();
            held.AwaitWrites();
            Assert.Equal(1, device.Injected);
            PagerStatistics now = held.Statistics;
            Assert.Equal((Fault)fault == Fault.Delay ? 0 : 1, now.IoErrors);
            Assert.True(now.FilePages > Pages / 3, $"Hardly anything is in the file: {now}");
            Assert.Equal(now.FileBytes, file.UsedBytes);
            held.VerifyAll();
            held.AssertWithinBudgets();
            Assert.Equal(0, held.Statistics.CorruptedPages);
        }
    }

    [Theory]
    [MemberData(nameof(HonestFaults))]
    public void Several_writes_that_fail_in_a_row_lose_nothing(int fault)
    {
        for (int first = 0; first < 12; first += 3)
        {
            using var held = new Held(Pages);
            var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: (ulong)first);
            SwapFile file = held.AddDevice(device);
            for (int i = 0; i < SwapArea.MaxFailures - 1; i++)
                device.Plan.Add(first + i, (Fault)fault);
            held.Fill();
            held.VerifyAll();
            held.Fill();
            held.VerifyAll();
            Assert.Equal((Fault)fault == Fault.Delay ? 0 : SwapArea.MaxFailures - 1, held.Statistics.IoErrors);
            Assert.Equal(AreaState.InUse, file.Area.State);
        }
    }

    [Theory]
    [InlineData((int)Fault.InputOutputError, "errno 5")]
    [InlineData((int)Fault.NoSpace, "errno 28")]
    public void A_refusal_after_failed_writes_says_what_the_device_said(int fault, string answer)
    {
        using var held = new Held(Pages);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        held.AddDevice(device);
        device.Always = (Fault)fault;
        OutOfPagingSpaceException e = held.FillUntilRefused();
        var inner = Assert.IsType<IOException>(e.InnerException);
        Assert.Contains(answer, inner.Message, StringComparison.Ordinal);
        Assert.Contains($"'{device.Path}'", inner.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_is_full_for_a_while_loses_nothing_and_is_not_given_up()
    {
        for (int number = 0; number < 16; number++)
        {
            using var held = new Held(Pages);
            var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: (ulong)number);
            SwapFile file = held.AddDevice(device);
            for (int i = 0; i < 2 * SwapArea.MaxFailures; i++)
                device.Plan.Add(number + i, Fault.NoSpace);

            // Each time the file rests for so many looks at it, and what finds no room meanwhile is refused.
            int rounds = 0;
            while (held.FillWhereThereIsRoom() > 0)
            {
                held.VerifyAll();
                Assert.True(++rounds < 100, "The file is not used again.");
            }

            held.AwaitWrites();
            held.VerifyAll();
            held.AssertWithinBudgets();
            Assert.InRange(held.Statistics.IoErrors, SwapArea.MaxFailures, 2 * SwapArea.MaxFailures);
            Assert.Equal((AreaState.InUse, 0L), (file.Area.State, file.Area.BadBytes));
            Assert.True(held.Statistics.FilePages > Pages / 3);
        }
    }

    [Fact]
    public void What_one_file_fails_to_write_is_written_to_another()
    {
        using var held = new Held(Pages);
        var bad = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1) { Chances = { [Fault.InputOutputError] = 1 } };
        SwapFile preferred = held.AddDevice(bad, priority: 5);
        SwapFile other = held.AddDevice(new MemoryDevice(Held.FileBytes));
        held.Fill();
        Assert.Equal(AreaState.Retired, preferred.Area.State);
        Assert.Equal(SwapArea.MaxFailures, held.Statistics.IoErrors);
        Assert.True(other.UsedBytes > Held.PoolBytes, $"The other file took {other.UsedBytes} bytes.");
        held.VerifyAll();
        held.AssertWithinBudgets();
    }

    [Theory]
    [InlineData((int)Fault.FlippedBit)]
    [InlineData((int)Fault.MisdirectedRead)]
    [InlineData((int)Fault.InputOutputError)]
    public void A_read_that_fails_is_an_exception_for_its_page_alone_and_does_not_stick(int fault)
    {
        int failed = 0;
        using var held = new Held(Pages);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 7);
        held.AddDevice(device);
        held.Fill();
        held.VerifyAll();
        held.AwaitWrites();
        for (int number = 0; number < 60; number++)
        {
            PagerStatistics before = held.Statistics;
            device.Plan.Add(device.Operations + number, (Fault)fault);
            int lost = held.VerifyAllButLost();
            failed += lost;
            Assert.InRange(lost, 0, 1);
            PagerStatistics after = held.Statistics;
            Assert.Equal(
                (Fault)fault == Fault.InputOutputError ? (0L, (long)lost) : (lost, 0),
                (after.CorruptedPages - before.CorruptedPages, after.IoErrors - before.IoErrors));

            // The medium is right: what is read again is right too, but the page is not in a frame meanwhile.
            held.VerifyAll();
        }

        // A flipped bit may be one beside the page.
        Assert.True(failed >= 20, $"{failed} of 60 reads failed.");
    }

    /// <summary>Nobody has a name of it, but its owner may write to it by its descriptor.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_exception_of_a_page_says_that_the_file_was_cut(bool encrypt)
    {
        using var directory = new TemporaryDirectory();
        using var held = new Held(Pages, 0, new SwapFileOptions { Path = directory.Path, Bytes = Held.FileBytes, Encrypt = encrypt });
        held.Fill();
        held.AwaitWrites();
        string descriptor = Directory.EnumerateFiles("/proc/self/fd")
            .Single(one => new FileInfo(one).LinkTarget?.StartsWith(directory.Path, StringComparison.Ordinal) == true);
        using (var file = new FileStream(descriptor, FileMode.Open, FileAccess.Write))
        {
            Assert.Equal(Held.FileBytes, file.Length);
            file.SetLength(64 << 10);
        }

        int cut = 0;
        for (long page = 0; page < Pages; page++)
        {
            long first = page * held.Array.PageLength;
            if (Record.Exception(() => held.Array[first]) is { } thrown)
            {
                // What is evicted meanwhile is written, and makes the file somewhat longer again.
                string message = Assert.IsType<PageCorruptedException>(thrown).Message;
                Assert.Matches($"of swap file {directory.Path}, which another process has cut: to [^ ]+ bytes of {Held.FileBytes:N0}", message);
                cut++;
            }
        }

        Assert.InRange(cut, Pages / 4, Pages - 1);

        // So many reads may have failed in a row that the file takes nothing more.
        held.AddDevice(new MemoryDevice(Held.FileBytes));
        held.Fill();
        held.VerifyAll();
    }

    [Fact]
    public void The_exception_of_a_page_names_it_and_the_file_and_the_offset()
    {
        using var held = new Held(Pages);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 7);
        held.AddDevice(device);
        var bytes = new byte[3000];
        Content.Write<byte>(ContentKind.Noise, 3, bytes);
        SwapId id = held.Pager.Swap.Store(bytes);
        held.Fill();
        held.AwaitWrites();
        long read = held.Statistics.BytesRead;
        for (int attempt = 0; attempt < 2; attempt++)
        {
            device.Plan[device.Operations] = Fault.InputOutputError;
            var unreadable = Assert.Throws<PageCorruptedException>(() => held.Pager.Swap.Load(id, bytes));
            Assert.Matches("swap file memory failed to read it at offset [0-9,]+ \\(errno 5\\)", unreadable.Message);
            device.Plan[device.Operations] = Fault.MisdirectedRead;
            var wrong = Assert.Throws<PageCorruptedException>(() => held.Pager.Swap.Load(id, bytes));
            Assert.Matches("checksum.* in swap file memory at offset [0-9,]+", wrong.Message);
            Assert.Equal(3000, held.Pager.Swap.Load(id, bytes));
        }

        Assert.InRange(held.Statistics.BytesRead - read, 4 * 3000, 4 * 8192);
        held.Pager.Swap.Free(id);

        PageCorruptedException? ofArray = null;
        for (long page = 0; ofArray is null; page++)
        {
            device.Plan[device.Operations] = Fault.InputOutputError;
            ofArray = held.TryVerify(page);
        }

        Assert.Matches("[Pp]age [0-9,]+ of .*held.*swap file memory failed to read it at offset [0-9,]+", ofArray.Message);
        Held.AssertNames(ofArray, held.Lost.Single());
        device.Plan.Clear();
        held.VerifyAll();
    }

    [Fact]
    public void A_write_to_a_page_that_cannot_be_read_is_refused_and_overwriting_or_discarding_it_heals()
    {
        using var held = new Held(Pages);
        var device = new MemoryDevice(Held.FileBytes);
        held.AddDevice(device);
        held.Fill();
        held.AwaitWrites();
        device.Medium.Clear();
        int lost = held.VerifyAllButLost();
        Assert.True(lost > Pages / 3, $"{lost} pages were lost.");
        Assert.Equal(lost, held.Statistics.CorruptedPages);
        foreach (long page in held.Lost.ToArray())
        {
            switch (page % 3)
            {
                case 0:
                    Assert.Throws<PageCorruptedException>(() => held.Change(page));
                    Assert.NotNull(held.TryVerify(page));
                    break;
                case 1:
                    held.Write(page);
                    break;
                default:
                    held.Discard(page);
                    break;
            }
        }

        Assert.Equal(held.Lost.Count, held.VerifyAllButLost());
        Assert.All(held.Lost, page => Assert.Equal(0, page % 3));
        held.Fill().VerifyAll();
        held.Array.Dispose();
        Settled.Empty(held.Pager);
    }

    [Theory]
    [InlineData((int)Fault.SilentlyTornWrite)]
    [InlineData((int)Fault.MisdirectedWrite)]
    public void A_write_that_never_reached_its_place_is_an_exception_for_its_pages_and_never_wrong_bytes(int fault)
    {
        int lost = 0;
        for (int number = 0; number < 240; number += 20)
        {
            using var held = new Held(Pages);
            var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: (ulong)number);
            held.AddDevice(device);

            // Twice, so that old and valid entries lie where the new ones should. The first writes are of the first time.
            held.Fill();
            held.AwaitWrites();
            device.Plan.Add(device.Operations + number, (Fault)fault);
            held.Fill();
            held.AwaitWrites();
            int few = held.VerifyAllButLost();
            Assert.InRange(few, 0, 12);
            Assert.Equal(few, held.VerifyAllButLost());
            held.Fill().VerifyAll();
            lost += few;
        }

        Assert.True(lost >= 8, $"{lost} pages were lost.");
    }

    [Fact]
    public void A_file_that_keeps_failing_is_retired_and_what_is_readable_is_moved_off_it()
    {
        using var held = new Held(Pages);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        SwapFile failing = held.AddDevice(device);
        held.Fill();
        held.AwaitWrites();
        device.Always = Fault.TornWrite;
        OutOfPagingSpaceException? refused = null;
        for (int round = 0; failing.Area.State == AreaState.InUse; round++)
        {
            Assert.True(round < 20, "The file is still in use.");
            for (long page = 0; page < Pages; page++)
            {
                try
                {
                    held.Write(page);
                }
                catch (OutOfPagingSpaceException e)
                {
                    refused = e;
                }
            }
        }

        // Nobody takes it any more, but what it has can be read.
        Assert.Equal(1, Internals.Domain(held.Pager).Swap.Files.CountRetired());
        Assert.InRange(held.Statistics.IoErrors, SwapArea.MaxFailures, SwapArea.MaxFailures + 4);
        held.VerifyAll();
        long writes = held.Statistics.IoErrors;
        refused ??= held.FillUntilRefused();
        held.VerifyAll();
        Assert.Equal(writes, held.Statistics.IoErrors);
        Assert.Contains("lost to failed writes", refused.Message, StringComparison.Ordinal);
        Assert.NotEqual(default, refused.Statistics);

        // With somewhere to go it is emptied in the background.
        SwapFile healthy = held.AddDevice(new MemoryDevice(Held.FileBytes));
        while (Internals.Domain(held.Pager).Step())
        {
            held.AwaitWrites();
        }

        Assert.True(failing.Area.IsEmpty, $"{failing.UsedBytes - failing.Area.BadBytes} bytes are still there.");
        Assert.Equal(failing.Area.BadBytes, failing.UsedBytes);
        Assert.NotEqual(0, healthy.UsedBytes);
        held.VerifyAll();
        held.Fill().VerifyAll();
        Assert.Equal(writes, held.Statistics.IoErrors);
        held.AssertWithinBudgets();
    }

    [Fact]
    public void A_segment_that_cannot_be_read_does_not_end_the_emptying_of_a_retired_file()
    {
        using var held = new Held(Pages);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        SwapFile failing = held.AddDevice(device);
        held.Fill();
        held.AddDevice(new MemoryDevice(Held.FileBytes), priority: -1);
        device.Always = Fault.TornWrite;
        while (failing.Area.State == AreaState.InUse)
        {
            // What came first stays where it is.
            for (long page = Pages / 2; page < Pages; page++)
                held.Write(page);
        }

        // Now the pool has room for what is there.
        for (long page = Pages / 4; page < Pages; page++)
            held.Discard(page);
        device.Always = Fault.None;

        // Twice in a row: what fails once is read again.
        for (int i = 0; i < 10; i++)
        {
            device.Plan[device.Operations + 1 + 6 * i] = Fault.InputOutputError;
            device.Plan[device.Operations + 2 + 6 * i] = Fault.InputOutputError;
        }

        while (held.Store.FileCleaner.CleanAhead())
        {
        }

        // What could not be read in one piece is left where it is, page by page readable; no other segment is.
        int left = 0;
        for (int i = 0; i < held.Store.Segments.End; i++)
            left += IsReadableOn(failing, held.Store.Segments, i) ? 1 : 0;
        Assert.Equal(0, left);
        Assert.False(failing.Area.IsEmpty);
        device.Plan.Clear();
        held.VerifyAll();
    }

    [Fact]
    public void A_retired_file_is_emptied_by_background_threads()
    {
        using var held = new Held(Pages, backgroundThreads: 1);
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        SwapFile failing = held.AddDevice(device);
        held.Fill();
        held.AddDevice(new MemoryDevice(Held.FileBytes), priority: -1);
        device.Always = Fault.TornWrite;
        while (failing.Area.State == AreaState.InUse)
            held.Fill();
        held.VerifyAll();
        PagerStatistics end = Settled.Reach(held.Pager, _ => failing.Area.IsEmpty);
        Assert.True(failing.Area.IsEmpty, $"The file was not emptied: {end}");
        held.VerifyAll();
    }

    private static unsafe bool IsReadableOn(SwapFile file, SegmentTable segments, int number) =>
        Internals.State(segments, number) == SegmentState.OnFile
        && segments[number]->File == file.Area.Number
        && segments[number]->Damaged == 0;
}
