#if DEBUG
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Protocol;

/// <summary>Something that one thread does, and that an exception can cut short at many places.</summary>
/// <param name="Name">A sentence.</param>
/// <param name="Arrange">Sets the scene, and returns what is to be cut short.</param>
internal sealed record FailureScenario(string Name, Func<World, Action> Arrange)
{
    internal int Frames { get; init; } = World.SmallestFrames;

    internal long? PoolBytes { get; init; }

    /// <summary>Whether what was cut short must be done again before everything is as it should be: to dispose.</summary>
    internal bool IsRepeated { get; init; }

    /// <summary>Whether the thread pool must not help: as far as the library knows, a scheduler has the only thread.</summary>
    internal bool IsAlone { get; init; }

    public override string ToString() => Name;
}

/// <summary>Every path that takes claims, pins, tickets, gates or counts.</summary>
internal static unsafe class FailureScenarios
{
    private const int Eighth = 1000;
    private const int FewSlots = 8 * 12 * 4096;
    private const int ManySlots = 24 * 12 * 4096;

    internal static IReadOnlyList<FailureScenario> All { get; } =
    [
        new("faults from the pool evict other pages", static world =>
        {
            Book book = Stored(world, 8, Contents.Noise);
            return () =>
            {
                for (int page = 0; page < 6; page++)
                {
                    book.Get(page, Book.Slots);
                    book.ReadLease(page);
                }
            };
        }),
        new("pages are asked for, prefetched, pinned for objects and shown as a sequence", static world =>
        {
            Book book = Stored(world, 8, Contents.Noise);
            return () =>
            {
                book.TryReadLease(0);
                world.Domain.Prefetcher.Step();
                var prefetch = new Pending(book.Array.PrefetchAsync(512, 2 * 512));
                while (world.Domain.Prefetcher.Step())
                {
                }

                Assert.True(prefetch.IsCompleted);
                var pin = new PendingPin(book.Array.PinAsync(5 * 512, writable: true));

                // Where there was no room at hand, it is done here, or by a thread of the pool.
                while (!pin.IsCompleted)
                {
                    world.Domain.Prefetcher.Step();
                    Thread.Yield();
                }

                (pin.IsPinned ? pin.Owner : null)?.Dispose();
                _ = pin.Failure is AggregateException failure ? throw failure.InnerException! : 0;
                book.Array.ReadSequence(600, 1000).Dispose();
            };
        }),
        new("pages are read ahead of a reader, several at a time, into frames that dirty pages have to leave", static world =>
        {
            // A batch is of a sixty-fourth of the frames.
            const int Stored = 12;
            Book book = world.Allocate(Stored + 200);
            for (int page = 0; page < Stored; page++)
            {
                book.Store(page, Contents.Text(page));
            }

            for (int page = Stored; page < book.Pages; page++)
            {
                book.Overwrite(page, Contents.Text(page));
            }

            book.Array.Advise(0, book.Array.Length, PageAdvice.Sequential);
            return () =>
            {
                for (int page = 0; page < 4; page++)
                {
                    book.Get(page, 0);
                }

                while (world.Domain.Prefetcher.Step())
                {
                }
            };
        }) { Frames = 192, PoolBytes = 1 << 20, IsAlone = true },
        new("pages far apart are touched, until their granule gets a table", static world =>
        {
            Book book = world.Allocate(600);
            return () =>
            {
                for (int page = 0; page < 10; page++)
                {
                    book.Overwrite(page * 50, Contents.Text(page));
                }

                book.Set(513, 0, 1);
                book.Discard(50);
                book.Discard(513);
                book.ReadLease(550);
            };
        }),
        new("a small array and one with a table are cloned, dirty pages stored and leased ones copied", static world =>
        {
            Book small = Stored(world, 4, Contents.Noise);
            small.Set(1, 0, 1);
            Book large = world.Allocate(1100);
            for (int page = 0; page < 12; page++)
            {
                large.Store(page, Contents.Text(page));
            }

            large.Overwrite(600, Contents.Text(20));
            large.Overwrite(1, Contents.Text(21));
            return () =>
            {
                world.Clone(large);
                using WriteLease<long> lease = small.Array.Write(0);
                world.Clone(small);
            };
        }),
        new("a mapped array is cloned, and the clone read and written", static world =>
        {
            Book book = world.Map([Contents.Noise(1), Contents.Text(2), Contents.Noise(3)], out _);
            book.Set(1, 0, 1);
            book.Get(2, 1);
            return () =>
            {
                Book clone = world.Clone(book);
                clone.Set(0, 0, 2);
                clone.Get(1, 1);
            };
        }),
        new("writes evict, turn clean pages dirty, and overwrite", static world =>
        {
            Book book = Stored(world, 8, Contents.Text);
            return () =>
            {
                for (int page = 0; page < 5; page++)
                {
                    book.Set(page, 1, page + 100);
                    book.WriteLease(page, 2, page + 200);
                    book.Overwrite(page, Contents.Noise(page));
                    book.Overwrite((page + 3) % 8, Contents.Text(page + 50));
                }
            };
        }),
        new("ranges are filled, copied and discarded", static world =>
        {
            Book book = Stored(world, 8, Contents.Text);
            return () =>
            {
                for (int page = 0; page < 4; page++)
                {
                    book.Fill(page, page + 1);
                    book.Fill(page, page + 2);
                    book.Copy(page + 2);
                    book.Discard(page);
                    book.Discard(page + 4);
                }

                book.CopyPart(1);
                book.Discard(1);
            };
        }),
        new("a filter is chosen and memory for it found", static world =>
        {
            Book book = world.Allocate(8, filter: null);
            Internals.Pages(book.Array).Region.Policy.Goal = CompressionGoal.Ratio;
            for (int page = 0; page < 4; page++)
            {
                book.Overwrite(page, Contents.Nibbles(page));
            }

            return () =>
            {
                for (int page = 4; page < 8; page++)
                {
                    book.Overwrite(page, Contents.Nibbles(page));
                    book.Get(page - 4, 0);
                }
            };
        }),
        new("a page size takes frames from another", static world =>
        {
            Book small = world.Allocate(16);
            for (int page = 0; page < 16; page++)
            {
                small.Overwrite(page, Contents.Text(page));
            }

            Book large = world.Allocate(4, 2 * World.PageBytes);
            return () =>
            {
                for (int page = 0; page < 4; page++)
                {
                    large.Overwrite(page, Contents.Text(page + 50));
                    large.Get(0, 0);
                }

                small.Get(3, 0);
            };
        }) { Frames = 16, PoolBytes = 4 * World.SmallestPool },
        new("pages are stored, loaded and freed by id", static world =>
        {
            SwapId[] ids = Put(world, 6);
            return () =>
            {
                for (int i = 0; i < 6; i++)
                {
                    world.Load(ids[i], world.Stored[ids[i]]);
                    world.Free(ids[i]);
                    world.Put(Contents.Noise(i + 20));
                    world.Put(Contents.Text(i + 20));
                    world.Put(Contents.SameFilled(i + 20));
                }
            };
        }),
        new("the cleaner makes room", static world =>
        {
            SwapId[] ids = Put(world, 40, Eighth);
            for (int i = 0; i < ids.Length; i += 2)
            {
                world.Free(ids[i]);
            }

            return () =>
            {
                world.CleanOne();
                Put(world, 20, Eighth, salt: 100);
                world.Store.Room.StepAhead();
            };
        }),
        new("a full pool refuses", static world =>
        {
            PutUntilFull(world, 1);
            Book book = world.Allocate(6);
            return () =>
            {
                world.TryPut(Contents.Noise(500), World.PageBytes, out _);
                for (int page = 0; page < 6; page++)
                {
                    book.TryOverwrite(page, Contents.Noise(page + 600));
                }
            };
        }),
        new("cold pages are compressed again", static world =>
        {
            for (int i = 0; i < 6; i++)
            {
                world.Put(Contents.HalfNibbles(i + 1));
            }

            world.GrowCold();
            return () => world.RecompressAll();
        }),
        new("cold pages are compressed again while the pool is short", static world =>
        {
            for (int i = 0; i < 60 && world.TryPut(Contents.HalfNibbles(i + 1), World.PageBytes, out _); i++)
            {
            }

            world.GrowCold();
            return () => world.RecompressAll();
        }),
        new("segments are written, and read back", static world =>
        {
            world.AddFile(ManySlots, delays: false);
            SwapId[] ids = Put(world, 24, Eighth);
            return () =>
            {
                world.WriteOne();
                world.WriteOne();
                Repeat(24, i => world.Load(ids[i], world.Stored[ids[i]]));
                Put(world, 12, World.PageBytes, salt: 100);
                world.Store.Room.StepAhead();
            };
        }),
        new("arrays are paged through a file", static world =>
        {
            world.AddFile(ManySlots, delays: false);
            Book book = world.Allocate(24);
            for (int page = 0; page < 24; page++)
            {
                book.Overwrite(page, Contents.Noise(page));
            }

            return () =>
            {
                for (int page = 0; page < 24; page += 3)
                {
                    book.Get(page, 0);
                    book.Set(page, 1, page);
                }

                book.Discard(5);
            };
        }),
        new("a file is cleaned", static world =>
        {
            world.AddFile(FewSlots, delays: false);
            SwapId[] ids = Put(world, 24, Eighth);
            int segment = world.WriteAll();
            for (int i = 0; i < ids.Length; i += 2)
            {
                world.Free(ids[i]);
            }

            return () =>
            {
                world.Store.Swapoff.TryEmpty(segment);
                for (int i = 0; i < 30; i++)
                {
                    world.TryPut(Contents.Noise(i + 100), Eighth, out _);
                }
            };
        }),
        new("a file is trimmed", static world =>
        {
            world.AddFile(ManySlots, delays: false);
            Put(world, 24, Eighth);
            world.WriteAll();
            return () => world.File!.TrimFreeSpace();
        }),
        new("a file is removed", static world =>
        {
            world.AddFile(ManySlots, delays: false);
            Put(world, 24, Eighth);
            world.WriteAll();
            return () => world.RemoveFile();
        }),
        new("an encrypted file is added, written, read and removed", static world =>
        {
            SwapId[] ids = Put(world, 24, Eighth);
            return () =>
            {
                world.AddFile(new EncryptedDevice(new MemoryDevice(ManySlots), world.Store.MaxSegmentBytes));
                world.WriteOne();
                world.AwaitWrites();
                Repeat(24, i => world.Load(ids[i], world.Stored[ids[i]]));
                world.RemoveFile();
            };
        }),
        new("arrays of new page sizes are made", static world =>
        {
            // As many as there is room for without making more.
            for (int i = 0; i < 14; i++)
            {
                world.Allocate(2);
            }

            return () =>
            {
                for (int i = 0; i < 4; i++)
                {
                    Book book = world.Allocate(2, World.PageBytes << (i % 2));
                    book.Overwrite(1, Contents.Text(i));
                }
            };
        }) { Frames = 16, PoolBytes = 4 * World.SmallestPool },
        new("an array is disposed", static world =>
        {
            Book book = Stored(world, 1500, Contents.Text);
            return () => book.Array.Dispose();
        }) { IsRepeated = true, PoolBytes = 1 << 20 },
        new("a pager is disposed", static world =>
        {
            world.AddFile(ManySlots, delays: false);
            Stored(world, 600, Contents.Text);
            Put(world, 24, Eighth);
            world.WriteAll();
            return () => world.Pager.Dispose();
        }) { IsRepeated = true, PoolBytes = 1 << 20 },
    ];

    internal static FailureScenario Named(string name) => All.Single(scenario => scenario.Name == name);

    private static void Repeat(int times, Action<int> action)
    {
        for (int i = 0; i < times; i++)
        {
            action(i);
        }
    }

    private static Book Stored(World world, int pages, Func<int, long> salt)
    {
        Book book = world.Allocate(pages);
        for (int page = 0; page < pages; page += pages < 100 ? 1 : pages / 7)
        {
            book.Overwrite(page, salt(page));
        }

        return book;
    }

    private static SwapId[] Put(World world, int count, int length = World.PageBytes, int salt = 0) =>
        [.. Enumerable.Range(salt, count).Select(i => world.Put(Contents.Noise(i), length))];

    private static void PutUntilFull(World world, int salt)
    {
        while (world.TryPut(Contents.Noise(salt++), World.PageBytes, out _))
        {
        }
    }
}
#endif
