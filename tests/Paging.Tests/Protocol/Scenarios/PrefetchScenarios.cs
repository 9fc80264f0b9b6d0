#if DEBUG
using Paging.Residency;
using Paging.Swap;
using Paging.Tests.Swap.Devices.Doubles;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Pages that one thread asks for and another brings in: requests, prefetches, their cancellation, and everything that may end them. The
/// threads that bring in take the steps of the background.</summary>
internal static class PrefetchScenarios
{
    internal static readonly Scenario AskedFor = new(
        "a page that is asked for comes in for who asks again, or goes again, and holds what was written", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(5);
        book.Store(0, Contents.Text(1));
        book.Store(1, Contents.Noise(2));
        run.Together(
            () => Repeat(4, () =>
            {
                book.TryReadLease(0);
                book.TryReadLease(1);
                book.TryReadLease(4);
            }),
            () => Repeat(4, () => world.Domain.Step()),
            () => Repeat(3, () =>
            {
                book.Evict(0);
                book.Set(1, 0, 11);
                book.Evict(1);
            }));
        Drain(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario AskedForTwice = new("two threads ask for the same pages, two serve them", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(4);
        book.Store(0, Contents.Text(1));
        book.Store(1, Contents.Text(2));
        run.Together(
            () => Repeat(3, () => book.TryReadLease(0)),
            () => Repeat(3, () =>
            {
                book.TryReadLease(0);
                book.TryReadLease(1);
            }),
            () => Repeat(3, () => world.Domain.Step()),
            () => Repeat(3, () => world.Domain.Step()));
        Drain(world);
        world.CheckAndClose();
    });

    internal static readonly Scenario RangeAgainstTheClock = new(
        "a range is brought in by two threads while its pages are written and evicted", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Allocate(6);
        Store(book, 5);
        Pending? task = null;
        run.Together(
            () => task = Prefetch(book, 0, 6),
            () => Repeat(5, () => world.Domain.Step()),
            () => Repeat(5, () => world.Domain.Step()),
            () =>
            {
                book.Set(1, 0, 21);
                book.Evict(0);
                book.Evict(1);
                book.Get(2, 5);
                world.EvictAll();
            });
        AssertEnds(world, task!);
        world.CheckAndClose();
    });

    internal static readonly Scenario Cancelled = new(
        "a prefetch that is cancelled ends once, whoever works on it, and leaves pages whole", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Allocate(6);
        Store(book, 5);
        using var cancellation = new CancellationTokenSource();
        Pending? task = null, other = null;
        run.Together(
            () =>
            {
                task = Prefetch(book, 0, 4, cancellation.Token);
                other = Prefetch(book, 3, 2);
            },
            () => Repeat(4, () => world.Domain.Step()),
            () => Repeat(2, () => world.Domain.Step()),
            () =>
            {
                run.Step();
                cancellation.Cancel();
            });
        AssertEnds(world, task!, other!);
        Assert.True(task!.IsCanceled || task.IsCompletedSuccessfully);
        Assert.True(other!.IsCompletedSuccessfully);
        world.CheckAndClose();
    });

    internal static readonly Scenario FromAFile = new("a range in a file is brought in while its segments are emptied and freed", static run =>
    {
        var world = new World(run, frames: 6);
        MemoryDevice device = world.AddFile(64 * 12 * 4096, delays: false);
        Book book = world.Allocate(6);
        for (int page = 0; page < 5; page++)
        {
            book.Store(page, Contents.Noise(page + 1));
        }

        while (world.WriteOne() == WritebackStart.Started)
        {
        }

        Pending? task = null;
        run.Together(
            () => task = Prefetch(book, 0, 5),
            () => Repeat(5, () => world.Domain.Step()),
            () => Repeat(3, () => book.TryReadLease(4)),
            () =>
            {
                book.Overwrite(0, Contents.Noise(31));
                book.Discard(3);
                world.EvictAll();
            });
        AssertEnds(world, task!);
        Assert.True(device.Reads >= 0);
        world.CheckAndClose();
    });

    internal static readonly Scenario SparsePages = new(
        "pages that lie alone are asked for and brought in while their granule gets its table", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Allocate(1100);
        book.Store(3, Contents.Text(1));
        book.Store(600, Contents.Text(2));
        Pending? task = null;
        run.Together(
            () =>
            {
                task = Prefetch(book, 0, 1100);
                book.TryReadLease(3);
                book.TryReadLease(601);
            },
            () => Repeat(6, () => world.Domain.Step()),
            () =>
            {
                for (int page = 10; page < 19; page++)
                {
                    book.Set(page, 0, page);
                    book.Evict(page);
                }
            },
            () =>
            {
                book.Evict(3);
                book.Discard(600);
            });
        AssertEnds(world, task!);
        world.CheckAndClose();
    });

    internal static readonly Scenario ArrayDisposed = new(
        "an array is disposed while its pages are asked for and brought in, and no pin of theirs is in the way", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Allocate(5);
        Store(book, 4);
        Pending? task = null;
        run.Together(
            () => ClosingScenarios.UntilDisposed(() =>
            {
                task = Prefetch(book, 0, 5);
                world.Domain.Prefetcher.Request(book.Region, 4);
            }),
            () => Repeat(4, () => world.Domain.Step()),
            () => Repeat(3, () => world.Domain.Step()),
            () =>
            {
                // Nobody has a lease, so whoever disposes must have nothing to wait for.
                Assert.Equal(0, book.Region.Closer.CountPins());
                book.Array.Dispose();
            });
        AssertEnds(world, task);
        world.CheckAndClose();
    });

    internal static readonly Scenario PagerDisposed = new("the pager is disposed while pages are asked for and brought in", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Allocate(5);
        Store(book, 4);
        Pending? task = null, other = null;
        run.Together(
            () => ClosingScenarios.UntilDisposed(() =>
            {
                task = Prefetch(book, 0, 2);
                other = Prefetch(book, 1, 4);
            }),
            () => Repeat(4, () => world.Domain.Step()),
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => world.Domain.Prefetcher.Request(book.Region, 4))),
            world.Pager.Dispose);
        Assert.True(task?.IsCompletedSuccessfully ?? true);
        Assert.True(other?.IsCompletedSuccessfully ?? true);
        Assert.False(world.Domain.Step());
    });

    internal static readonly Scenario AllPinned = new(
        "with leases on all frames nothing is brought in, and who waits for a frame gets it first", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(8);
        Store(book, 8);
        Pending? task = null;
        run.Together(
            () => Repeat(2, () => Hold(book, 0)),
            () => Repeat(2, () => Hold(book, 2)),
            () =>
            {
                task = Prefetch(book, 4, 4);
                book.TryReadLease(5);
                book.ReadLease(6);
            },
            () => Repeat(5, () => world.Domain.Step()));
        AssertEnds(world, task!);
        world.CheckAndClose();

        static void Hold(Book book, int page)
        {
            using ReadLease<long> first = book.Array.Read(page * 512L);
            book.ReadLease(page + 1);
        }
    });

    internal static readonly Scenario PinsFromAFile = new(
        "pins that others fetch from a file are there, cancelled or refused, and none is left", static run =>
    {
        World world = InFile(run, out Book book);
        using var cancellation = new CancellationTokenSource();
        PendingPin? one = null, two = null, three = null;
        run.Together(
            () =>
            {
                one = Pin(book, 0, CancellationToken.None);
                two = Pin(book, 0, cancellation.Token);
                three = Pin(book, 1, cancellation.Token);
            },
            () => Repeat(3, () => world.Domain.Step()),
            () => Repeat(2, () => world.Domain.Step()),
            () =>
            {
                run.Step();
                cancellation.Cancel();
                world.EvictAll();
            });
        AssertEnds(world);
        Assert.True(one!.IsCompleted && two!.IsCompleted && three!.IsCompleted);
        Assert.Equal(1 + (two!.IsPinned ? 1 : 0) + (three!.IsPinned ? 1 : 0), world.Domain.Leases);
        CheckAndDispose(book, one, 0);
        CheckAndDispose(book, two, 0);
        CheckAndDispose(book, three, 1);
        world.CheckAndClose();
    });

    internal static readonly Scenario PinsAgainstDispose = new(
        "an array disposed while pins of it are fetched is disposed or refused, and the pins are told", static run =>
    {
        World world = InFile(run, out Book book);
        PendingPin? one = null, two = null;
        bool isDisposed = false;
        run.Together(
            () => ClosingScenarios.UntilDisposed(() =>
            {
                one = Pin(book, 0, CancellationToken.None);
                two = Pin(book, 1, CancellationToken.None);
            }),
            () => Repeat(4, () => world.Domain.Step()),
            () =>
            {
                try
                {
                    book.Array.Dispose();
                    isDisposed = true;
                }
                catch (InvalidOperationException)
                {
                }
            });
        AssertEnds(world);
        foreach (PendingPin pin in new[] { one, two }.OfType<PendingPin>())
        {
            Assert.True(pin.IsCompleted);
            Assert.False(pin.IsPinned && isDisposed);
            if (pin.IsPinned)
            {
                pin.Owner.Dispose();
            }
            else
            {
                Assert.True(pin.Failure is AggregateException { InnerException: ObjectDisposedException });
            }
        }

        Assert.Equal(0, world.Domain.Leases);
        world.CheckAndClose();
    });

    internal static readonly Scenario OwnerOfManyThreads = new(
        "an owner that is used, disposed and used again by several threads gives its page back once", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(3);
        book.Store(0, Contents.Text(1));
        PageOwner<long> owner = Pin(book, 0, CancellationToken.None).Owner;
        int refused = 0;
        run.Together(
            owner.Dispose,
            owner.Dispose,
            Use,
            () =>
            {
                Use();
                book.Evict(0);
            });
        Assert.Equal(0, world.Domain.Leases);
        Use();
        Assert.InRange(refused, 1, 3);
        Assert.Throws<InvalidOperationException>(owner.Unpin);
        world.CheckAndClose();

        unsafe void Use()
        {
            try
            {
                using System.Buffers.MemoryHandle handle = owner.Pin(9);
                run.Step();
                Assert.Equal(PageState.Resident, book.State(0));
                Assert.Equal(Contents.Element(Contents.Text(1), 9), *(long*)handle.Pointer);
            }
            catch (ObjectDisposedException)
            {
                refused++;
            }
        }
    });

    internal static readonly Scenario RunsAwaited = new(
        "two threads wait for the same runs of pages, which others evict, and which are cancelled", static run =>
    {
        var world = new World(run, frames: 6);
        Book book = world.Allocate(9);
        Store(book, 8);
        var runs = new RunsOperation(book.Region, RunsOperation.Join([new PageRun(5, 9), new PageRun(0, 2), new PageRun(1, 3)]));
        int ended = 0;
        run.Together(
            () =>
            {
                runs.Start();
                runs.Await();
                ended++;
            },
            () =>
            {
                runs.Await();
                ended++;
            },
            () => Repeat(3, () => world.Domain.Step()),
            () =>
            {
                book.Set(1, 0, 21);
                book.Evict(5);
                run.Step();
                runs.Cancel();
                book.Evict(1);
            });
        Assert.Equal(2, ended);
        AssertEnds(world);
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        RunsAwaited,
        PinsFromAFile, PinsAgainstDispose, OwnerOfManyThreads,
        AskedFor, AskedForTwice, RangeAgainstTheClock, Cancelled, FromAFile, SparsePages, ArrayDisposed, PagerDisposed, AllPinned,
    ];

    internal static void AssertEnds(World world, params ReadOnlySpan<Pending?> tasks)
    {
        Drain(world);
        foreach (Pending? task in tasks)
        {
            Assert.True(task is null || task.IsCompleted, "an operation has not ended, and nobody works on it");
        }

        PagerStatistics now = world.Domain.GetStatistics();
        Assert.InRange(now.PrefetchedPages, 0, now.Faults);
        Assert.InRange(now.PrefetchWasted, 0, now.PrefetchedPages);
    }

    /// <summary>A world whose first pages are in a file, and nothing in frames.</summary>
    private static World InFile(Run run, out Book book)
    {
        var world = new World(run, frames: 6);
        world.AddFile(64 * 12 * 4096, delays: false);
        book = world.Allocate(8);
        for (int page = 0; page < 8; page++)
        {
            book.Store(page, Contents.Noise(page + 1));
        }

        while (world.WriteOne() == WritebackStart.Started)
        {
        }

        return world;
    }

    private static PendingPin Pin(Book book, int page, CancellationToken token) =>
        new(book.Array.PinAsync(page * 512L, cancellationToken: token));

    private static void CheckAndDispose(Book book, PendingPin pin, int page)
    {
        if (pin.IsPinned)
        {
            PageOwner<long> owner = pin.Owner;
            Assert.Equal(Contents.Element(Contents.Noise(page + 1), 77), owner.GetSpan()[77]);
            owner.Dispose();
            Assert.Equal(PageState.Resident, book.State(page));
        }
        else
        {
            Assert.IsType<OperationCanceledException>(pin.Failure);
        }
    }

    private static void Drain(World world)
    {
        while (world.Domain.Prefetcher.Step())
        {
        }

        Assert.False(world.Domain.Prefetcher.Operations.IsAny);
    }

    private static void Store(Book book, int pages)
    {
        for (int page = 0; page < pages; page++)
        {
            book.Store(page, Contents.Text(page + 1));
        }
    }

    private static Pending Prefetch(Book book, int first, int pages, CancellationToken token = default)
    {
        long length = Math.Min(book.Array.Length, (first + pages) * 512L) - (first * 512L);
        return new Pending(book.Array.PrefetchAsync(first * 512L, length, token));
    }
}
#endif
