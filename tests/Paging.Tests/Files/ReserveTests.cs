using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Files;

/// <summary>Full pools in front of full or failing files: what is held back stays held back, and what ends ends.</summary>
public sealed class ReserveTests
{
    private const int PageBytes = 16 << 10;
    private const int NoSpace = 28;
    private const int NoMemory = 12;
    private const int QuotaExceeded = 122;
    private const int InputOutput = 5;

    [Fact]
    public void A_page_of_a_new_size_finds_room_in_a_pool_that_a_file_keeps_full()
    {
        using var pager = Make(poolBytes: 8 << 20);
        Add(pager, new MemoryDevice(64 << 20));
        FillWith(pager, 1200);
        byte[] large = Noise(-1, 256 << 10);
        SwapId id = pager.Swap.Store(large);
        byte[] read = new byte[large.Length];
        Assert.Equal(large.Length, pager.Swap.Load(id, read));
        Assert.Equal(large, read);
    }

    [Fact]
    public async Task A_refused_swapoff_leaves_what_is_held_back()
    {
        using var pager = Make(poolBytes: 8 << 20);
        SwapFile first = Add(pager, new MemoryDevice(16 << 20), priority: 1);
        Add(pager, new MemoryDevice(2 << 20));
        FillUntilRefused(pager);
        SegmentLog log = Internals.Domain(pager).Swap.LogFor(PageBytes)!;
        Assert.True(Internals.FreeCount(log.Chunks) >= log.Chunks.HeldBack);
        await Assert.ThrowsAsync<OutOfPagingSpaceException>(
            async () => await pager.RemoveSwapFileAsync(first, TestContext.Current.CancellationToken));
        Assert.True(
            Internals.FreeCount(log.Chunks) >= log.Chunks.HeldBack, $"{Internals.FreeCount(log.Chunks)} of {log.Chunks.HeldBack} chunks are left");
    }

    [Fact]
    public void What_is_stored_can_be_read_after_the_file_has_died_for_writing()
    {
        const int Pages = 2000;
        using var pager = Make(poolBytes: 8 << 20, backgroundThreads: 1);
        var device = new FailingDevice(new MemoryDevice(64 << 20));
        Add(pager, device);
        using PagedArray<byte> array = pager.Allocate<byte>((long)Pages * PageBytes);
        for (int i = 0; i < Pages; i++)
        {
            array.CopyFrom((long)i * PageBytes, Noise(i));
        }

        device.WriteError = InputOutput;
        for (int i = 0; i < Pages; i++)
        {
            try
            {
                array.CopyFrom((long)i * PageBytes, Noise(i));
            }
            catch (OutOfPagingSpaceException)
            {
            }
        }

        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < Pages; i++)
            {
                using ReadLease<byte> lease = array.Read((long)i * PageBytes, PageBytes);
                Assert.True(lease.Span.SequenceEqual(Noise(i)), $"page {i} holds something else");
            }
        }

        Assert.Equal(AreaState.Retired, Internals.Domain(pager).Swap.Files.Areas[0]!.State);
    }

    [Fact]
    public async Task Swapoff_ends_where_a_log_has_one_buffer_for_segments()
    {
        const int Large = 256 << 10;
        using var pager = new Pager(new PagerOptions { ResidentBytes = 4 << 20, PoolBytes = 160L << 20, PageBytes = Large, BackgroundThreads = 0 });
        SwapFile first = Add(pager, new MemoryDevice(32 << 20), priority: 1);
        Add(pager, new MemoryDevice(24 << 20));
        Assert.Equal(1, Internals.Domain(pager).Swap.LogFor(Large)!.SegmentBuffers.Count);
        var ids = new List<SwapId>();
        try
        {
            for (int i = 0; ; i++)
            {
                ids.Add(pager.Swap.Store(Noise(i, Large)));
            }
        }
        catch (OutOfPagingSpaceException)
        {
        }

        // Dead space in every segment, so that the other file has some to clean; and enough of it for what must move.
        for (int i = 0; i < ids.Count; i += 3)
        {
            pager.Swap.Free(ids[i]);
        }

        await pager.RemoveSwapFileAsync(first, TestContext.Current.CancellationToken);
        byte[] read = new byte[Large];
        for (int i = 1; i < ids.Count; i += 3)
        {
            pager.Swap.Load(ids[i], read);
            Assert.True(read.AsSpan().SequenceEqual(Noise(i, Large)), $"page {i} holds something else");
        }
    }

    [Theory]
    [InlineData(NoSpace)]
    [InlineData(QuotaExceeded)]
    [InlineData(NoMemory)]
    public void A_full_disk_costs_neither_slots_nor_the_file(int error)
    {
        using var pager = Make(poolBytes: 4 << 20);
        var device = new FailingDevice(new MemoryDevice(32 << 20)) { WriteError = error };
        SwapFile file = Add(pager, device);
        FillUntilRefused(pager);
        Assert.True(pager.GetStatistics().IoErrors > 0);
        Assert.Equal(0, file.UsedBytes);
        Assert.Equal(AreaState.InUse, file.Area.State);

        // Room again: after a while it is looked for, and found.
        device.WriteError = 0;
        for (int i = 0; file.UsedBytes == 0; i++)
        {
            Assert.True(i < 10_000, "the file is not tried again");
            try
            {
                pager.Swap.Store(Noise(10_000 + i));
            }
            catch (OutOfPagingSpaceException)
            {
            }
        }
    }

    [Fact]
    public void One_bad_page_asked_for_again_and_again_does_not_make_a_bad_file()
    {
        using var pager = Make(poolBytes: 4 << 20);
        var device = new FailingDevice(new MemoryDevice(32 << 20));
        SwapFile file = Add(pager, device);
        SwapId id = FillWith(pager, 600)[0];
        device.ReadError = InputOutput;
        byte[] read = new byte[PageBytes];
        for (int i = 0; i < 3 * SwapArea.MaxFailures; i++)
        {
            Assert.Throws<PageCorruptedException>(() => pager.Swap.Load(id, read));
        }

        Assert.Equal(AreaState.InUse, file.Area.State);
        device.ReadError = 0;
        Assert.Equal(PageBytes, pager.Swap.Load(id, read));
        Assert.Equal(Noise(0), read);
    }

    [Fact]
    public void Space_that_is_being_handed_back_leaves_room_for_stores()
    {
        using var pager = Make(poolBytes: 4 << 20);
        var device = new FailingDevice(new MemoryDevice(32 << 20));
        SwapFile file = Add(pager, device);
        FillWith(pager, 250);
        int stored = 0;
        device.OnTrim = () =>
        {
            for (int i = 0; i < 20; i++, stored++)
            {
                pager.Swap.Store(Noise(1000 + stored));
            }
        };
        Assert.True(file.TrimFreeSpace() > 0);
        Assert.True(stored > 0);
        Assert.True(file.UsedBytes < file.Bytes);
    }

    private static Pager Make(long poolBytes, int backgroundThreads = 0) => new(new PagerOptions
    {
        ResidentBytes = 2 << 20,
        PoolBytes = poolBytes,
        PageBytes = PageBytes,
        BackgroundThreads = backgroundThreads,
    });

    private static SwapFile Add(Pager pager, SwapDevice device, int priority = 0) => Internals.AddDevice(Internals.Domain(pager), device, priority);

    private static List<SwapId> FillWith(Pager pager, int count)
    {
        var ids = new List<SwapId>();
        for (int i = 0; i < count; i++)
        {
            ids.Add(pager.Swap.Store(Noise(i)));
        }

        return ids;
    }

    private static void FillUntilRefused(Pager pager)
    {
        try
        {
            for (int i = 0; i < 100_000; i++)
            {
                pager.Swap.Store(Noise(i));
            }
        }
        catch (OutOfPagingSpaceException)
        {
            return;
        }

        Assert.Fail("nothing was refused");
    }

    private static byte[] Noise(int seed, int length = PageBytes)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}

/// <summary>Fails all writes, or all reads, for as long as it is told to.</summary>
internal sealed unsafe class FailingDevice(SwapDevice inner) : SwapDevice
{
    public volatile int WriteError;
    public volatile int ReadError;

    public Action? OnTrim { get; set; }

    internal override string Path => inner.Path;

    internal override long Bytes => inner.Bytes;

    internal override int BlockBytes => inner.BlockBytes;

    internal override bool KnowsWrites => inner.KnowsWrites;

    internal override bool IsDirect => inner.IsDirect;

    internal override int Read(long offset, byte* buffer, int length, ulong stamp) =>
        ReadError != 0 ? ReadError : inner.Read(offset, buffer, length, stamp);

    internal override int Write(long offset, byte* buffer, int length, ulong stamp) =>
        WriteError != 0 ? WriteError : inner.Write(offset, buffer, length, stamp);

    internal override void Submit(IoRequest request)
    {
        if (WriteError != 0)
        {
            request.Complete(WriteError);
            return;
        }

        inner.Submit(request);
    }

    internal override int Trim(long offset, long length)
    {
        OnTrim?.Invoke();
        return inner.Trim(offset, length);
    }

    public override void Dispose() => inner.Dispose();
}
