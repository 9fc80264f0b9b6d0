using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;
using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Diagnostics;

/// <summary>What listeners to the event source "Paging" are told, and what it costs while there are none.</summary>
[Collection(Alone.Name)]
public sealed class EventTests
{
    private const int PageLength = Held.PageBytes / sizeof(long);

    [Fact]
    public async Task Swapon_swapoff_and_new_budgets_are_told_in_order()
    {
        using var heard = new Heard();
        using var pager = new Pager(Held.Options() with { Name = "files" });
        SwapFile file = pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 4 << 20, Priority = 3 });
        await pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken);
        pager.Resize(20 * Held.PageBytes, 2 << 20);
        Assert.Equal(["files", Path.GetTempPath(), 4L << 20, 3], heard.Next("SwapFileAdded", "files"));
        Assert.Equal(["files", Path.GetTempPath()], heard.Next("SwapFileRemoved", "files"));
        Assert.Equal(["files", 20L * Held.PageBytes, 2L << 20], heard.Next("BudgetsChanged", "files"));
    }

    [Fact]
    public void Refusals_say_what_is_full()
    {
        using var heard = new Heard();
        using var pager = new Pager(Held.Options() with { Name = "full" });
        using PagedArray<long> array = pager.Allocate<long>(2000 * PageLength);
        Assert.Throws<OutOfPagingSpaceException>(() =>
        {
            var random = new Random(1);
            for (long i = 0; i < array.Length; i++)
            {
                array[i] = random.NextInt64();
            }
        });
        object?[] full = heard.Next("PoolFull", "full");
        Assert.InRange((long)full[1]!, 1, Held.PoolBytes);
        Assert.Equal([Held.PoolBytes, 0L], full[2..]);
    }

    [Fact]
    public void Pinned_frames_are_told_of()
    {
        using var heard = new Heard();
        using var pager = new Pager(Held.Options() with { Name = "pinned", ResidentBytes = 4 * Held.PageBytes });
        using PagedArray<long> array = pager.Allocate<long>(100 * PageLength);
        using ReadLease<long> a = array.Read(0), b = array.Read(PageLength), c = array.Read(2 * PageLength), d = array.Read(3 * PageLength);
        Assert.Throws<OutOfPagingSpaceException>(() => array.Read(50 * PageLength).Dispose());
        Assert.Equal(["pinned", 4L, 4L * Held.PageBytes], heard.Next("FramesPinned", "pinned"));
    }

    [Fact]
    public void A_file_that_keeps_failing_is_told_of_once()
    {
        using var heard = new Heard();
        using var held = new Held(700, new Pager(Held.Options() with { Name = "failing" }));
        var device = new FaultyDevice(new MemoryDevice(Held.FileBytes), seed: 1);
        SwapFile file = held.AddDevice(device);
        for (int i = 0; i < 100; i++)
        {
            device.Plan.Add(i, Fault.InputOutputError);
        }

        held.FillWhereThereIsRoom();
        held.AwaitWrites();
        Assert.Equal(AreaState.Retired, file.Area.State);
        heard.Next("SwapFileAdded", "failing");
        Assert.Equal(["failing", device.Path, 5], heard.Next("SwapFileRetired", "failing"));
    }

    [Fact]
    public void Bad_pages_are_named()
    {
        using var heard = new Heard();
        using var held = new Held(100, new Pager(Held.Options() with { Name = "bad" }));
        held.Fill();
        held.PageOut();
        uint stored = PageWord.Stored(Internals.Pages(held.Array).Region.Load(5));
        Damage.FlipBodyBit(held.Store, stored, 77);
        Assert.NotNull(held.TryVerify(5));
        object?[] bad = heard.Next("PageCorrupted", "bad");
        Assert.Equal(["bad", "held", 5L], bad[..3]);
        Assert.NotEmpty((string)bad[3]!);

        byte[] page = new byte[5000];
        new Random(1).NextBytes(page);
        SwapId id = held.Pager.Swap.Store(page);
        Damage.FlipBodyBit(held.Store, (uint)id.Value, 77);
        Assert.Throws<PageCorruptedException>(() => held.Pager.Swap.Load(id, page));
        Assert.Equal(["bad", "", -1L], heard.Next("PageCorrupted", "bad")[..3]);
    }

    [Fact]
    public void Dropped_arrays_and_lost_leases_are_named()
    {
        using var heard = new Heard();
        using var pager = new Pager(Held.Options() with { Name = "dropped" });
        Drop(pager);
        for (int i = 0; i < 50 && pager.GetStatistics().DroppedArrays == 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(["dropped", "forgotten"], heard.Next("LeaseLost", "dropped"));
        Assert.Equal(["dropped", "forgotten", 10L, Held.PageBytes], heard.Next("ArrayDropped", "dropped"));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Drop(Pager pager)
        {
            PagedArray<long> array = pager.Allocate<long>(10 * PageLength, new PagedArrayOptions { Name = "forgotten" });
            ReadLease<long> lease = array.Read(0);
            Assert.Equal(0, lease.Span[0]);
        }
    }

    [Fact]
    public void A_listener_may_use_and_dispose_the_pager()
    {
        var pager = new Pager(Held.Options() with { Name = "reentered" });
        using var disposed = new ManualResetEventSlim();
        using var heard = new Heard(named =>
        {
            if (named == "reentered")
            {
                pager.Dispose();
                disposed.Set();
            }
        });
        pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 4 << 20 });
        Assert.True(disposed.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
        Assert.Throws<ObjectDisposedException>(() => pager.GetStatistics());
    }

    [Fact]
    public void While_nobody_listens_nothing_is_allocated()
    {
        Paging.Diagnostics.PagingEvents.NoteBudgetsChanged("nobody", 1, 2);
        long allocated = Codecs.Allocations.Least(
            static () =>
            {
                Paging.Diagnostics.PagingEvents.NoteSwapFileAdded("nobody", "path", 1, 2);
                Paging.Diagnostics.PagingEvents.NotePageCorrupted("nobody", "array", 3, "reason");
            },
            uses: 100);
        Assert.Equal(0, allocated);
        Assert.False(Paging.Diagnostics.PagingEvents.IsListenedTo);
    }

    /// <summary>Whoever reads traces knows events by their manifest.</summary>
    [Fact]
    public void The_manifest_is_sound() =>
        Assert.Contains(
            "SwapFileRetired",
            EventSource.GenerateManifest(typeof(Paging.Diagnostics.PagingEvents), null, EventManifestOptions.Strict)!,
            StringComparison.Ordinal);

    private sealed class Heard(Action<string>? also = null) : EventListener
    {
        private readonly BlockingCollection<(string Name, object?[] Payload)> _events = [];

        /// <summary>The arguments of the next event of a pager, which is one of that name.</summary>
        internal object?[] Next(string name, string pager)
        {
            while (_events.TryTake(out (string Name, object?[] Payload) next, TimeSpan.FromMinutes(1)))
            {
                if (next.Payload[0] as string == pager)
                {
                    Assert.Equal(name, next.Name);
                    return next.Payload;
                }
            }

            Assert.Fail($"{name} never came.");
            return [];
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Paging")
            {
                EnableEvents(eventSource, EventLevel.Informational);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            object?[] payload = [.. eventData.Payload!];
            _events.Add((eventData.EventName!, payload));
            also?.Invoke((string)payload[0]!);
        }
    }
}
