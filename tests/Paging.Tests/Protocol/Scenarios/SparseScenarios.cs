#if DEBUG
using Paging.Residency;
using Paging.TestSeam;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Pages that lie alone, granules that get a table and give it back.</summary>
internal static unsafe class SparseScenarios
{
    /// <summary>Of two granules.</summary>
    private const int Pages = 516;

    private const int Crowd = PageDirectory.MaxNodes;

    internal static readonly Scenario FirstTouches = new("pages touched first at once get a node each, or a table for all", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        for (int page = 0; page < Crowd - 1; page++)
        {
            book.Set(page, 3, page);
        }

        run.Together(
            () =>
            {
                book.Set(20, 0, 11);
                book.Get(2, 3);
                book.Set(21, 0, 12);
            },
            () =>
            {
                book.Set(20, 1, 21);
                book.Set(22, 0, 22);
            },
            () => Repeat(2, () =>
            {
                book.Evict(1);
                book.Get(1, 3);
                book.Get(20, 2);
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario TableUnderLeases = new("leases on pages in nodes outlast the making of the table", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        Touch(book, Crowd);
        run.Together(
            () =>
            {
                book.WriteLease(0, 0, 11);
                book.Set(40, 0, 12);
                book.WriteLease(0, 0, 13);
            },
            () =>
            {
                book.ReadLease(1);
                book.Set(41, 0, 21);
                book.ReadLease(0);
            },
            () => Repeat(2, () =>
            {
                book.Evict(0);
                book.Copy(0);
                book.Copy(1);
                book.Discard(3);
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario ReleaseAgainstTouch = new("a table is given back while a page of it is touched", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        Touch(book, Crowd + 1);
        run.Together(
            () =>
            {
                for (int page = 0; page <= Crowd; page++)
                {
                    book.Discard(page);
                }
            },
            () =>
            {
                book.Set(100, 0, 21);
                book.Get(100, 0);
                book.Discard(100);
                book.Set(100, 0, 22);
            },
            () =>
            {
                book.Get(3, 0);
                book.ReadLease(200);
                book.Get(100, 1);
                world.EvictAll();
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario DiscardsOfOneGranule = new("two threads discard what a third touches in the same granule", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        Touch(book, 3);
        run.Together(
            () =>
            {
                book.Discard(0);
                book.Set(0, 0, 11);
                book.Discard(1);
            },
            () =>
            {
                book.Discard(2);
                book.Evict(0);
                book.Set(2, 0, 21);
                book.Evict(2);
                book.Discard(2);
            },
            () =>
            {
                book.Get(0, 0);
                book.Set(10, 0, 31);
                book.Get(2, 0);
                book.Discard(10);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario TableComesAndGoes = new("a granule's table comes and goes under readers", static run =>
    {
        var world = new World(run, frames: 16);
        Book book = world.Allocate(Pages);
        Touch(book, Crowd - 2);
        run.Together(
            () => Repeat(2, () =>
            {
                book.Overwrite(50, Contents.Text(1));
                book.Overwrite(51, Contents.Text(2));
                book.Overwrite(52, Contents.Text(3));
                book.Discard(50);
                book.Discard(51);
                book.Discard(52);
            }),
            () =>
            {
                for (int page = 0; page < Crowd - 2; page++)
                {
                    book.Discard(page);
                }

                Touch(book, 3);
            },
            () => Repeat(4, () =>
            {
                book.Get(50, 7);
                book.Get(1, 7);
                book.Copy(51);
            }));
        world.CheckAndClose();
    });

    internal static readonly Scenario NodeOfAnother = new("who has found a page's node does not take the next page in it for that one", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        book.Overwrite(0, Contents.Text(1));
        run.Together(
            () =>
            {
                book.Discard(0);
                book.Overwrite(513, Contents.Text(2));
                book.Evict(513);
                book.Get(513, 8);
                book.Overwrite(513, Contents.Text(3));
            },
            () => Repeat(2, () =>
            {
                book.Get(0, 8);
                book.ReadLease(0);
            }),
            () => book.Get(513, 8));
        world.CheckAndClose();
    });

    internal static readonly Scenario NodeOfAnothersArray = new(
        "who has found a page's node does not pin another array's page in it, whose Dispose would see a lease", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        Book other = world.Allocate(Pages);
        book.Overwrite(0, Contents.Text(1));
        run.Together(
            () =>
            {
                book.Discard(0);
                other.Overwrite(513, Contents.Text(2));
                other.Array.Dispose();
            },
            () => Repeat(2, () =>
            {
                book.ReadLease(0);
                book.Get(0, 8);
            }),
            () =>
            {
                book.Get(0, 8);
                book.ReadLease(0);
            });
        world.CheckAndClose();
    });

    internal static readonly Scenario FrameOfAReleasedTable = new(
        "a getter is not deceived by a page back in its frame, and a table made anew", static run =>
    {
        var world = new World(run, frames: 32);
        Book book = world.Allocate(1100);
        book.Overwrite(512, Contents.Text(2));
        Touch(book, Crowd + 1);
        book.Get(0, 9);
        ulong before = book.Region.Words[0];
        Assert.True(PageWord.IsHot(before));
        long frame = Internals.FrameOf(book.Region.Frames, before);
        long found = 0;

        // Between the getter's look at the word and its reading, and again before its second look.
        run.Interleaver.Between(() => found = book.Array[9], (SharedWord.PageData, TakeTheFrame), (SharedWord.Page, GiveItBack));
        Assert.Equal(PageWord.Offset(before), PageWord.Offset(book.Region.Words[0]));
        Assert.Equal(Contents.Element(Contents.Text(99), 9), found);
        world.CheckAndClose();

        void TakeTheFrame()
        {
            for (int page = 0; page <= Crowd; page++)
            {
                book.Discard(page);
            }

            Assert.Equal(0ul, book.Region.Words[0]);
            book.Evict(512);
            FreeTheFrame(first: 600);
            book.Get(512, 9);
            Assert.Equal(PageWord.Offset(before), PageWord.Offset(book.Word(512)));
        }

        void GiveItBack()
        {
            book.Discard(512);
            FreeTheFrame(first: 1);
            book.Overwrite(0, Contents.Text(99));
            book.Get(0, 9);
        }

        // Free frames are a stack: page after page until one has got it, and then it is on top.
        void FreeTheFrame(int first)
        {
            int page = first;
            do
            {
                book.Overwrite(page, Contents.Text(page));
            }
            while (page++ <= first + Crowd || Internals.FrameOf(book.Region.Frames, book.Word(page - 1)) != frame);

            book.Discard(page - 1);
        }
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario LeftInTheirNodes = new(
        "pages that leases kept in their nodes are discarded and disposed of there", static run =>
    {
        var world = new World(run, frames: 16);
        Book book = world.Allocate(Pages);
        Touch(book, Crowd);
        book.Region.Pin(0, write: false, out ulong* first);
        book.Region.Pin(1, write: false, out ulong* second);
        book.Set(100, 0, 1);
        Assert.Equal(PageState.Elsewhere, PageWord.State(book.Region.Words[0]));

        // The pin is given back between the look at the node and the discard.
        run.Interleaver.Probe = word =>
        {
            if (word == SharedWord.Node)
            {
                run.Interleaver.Probe = null;
                PageWord.Unpin(first);
            }
        };
        book.Discard(0);
        Assert.Null(run.Interleaver.Probe);
        Assert.Equal(PageState.Untouched, PageWord.State(book.Region.Words[0]));
        PageWord.Unpin(second);
        Assert.Equal(PageState.Elsewhere, PageWord.State(book.Region.Words[1]));
        book.Array.Dispose();
        world.CheckAndClose();
    })
    {
        MostSeeds = 1,
    };

    internal static readonly Scenario DisposeAgainstAll = new("an array is disposed while its granules change their form", static run =>
    {
        var world = new World(run);
        Book book = world.Allocate(Pages);
        Touch(book, Crowd - 1);
        book.Set(513, 0, 1);
        run.Together(
            () => ClosingScenarios.DisposeInTheEnd(run, book),
            () => ClosingScenarios.UntilDisposed(() =>
            {
                book.Set(100, 0, 11);
                book.WriteLease(101, 0, 12);
                book.Discard(101);
                book.Get(1, 0);
            }),
            () => ClosingScenarios.UntilDisposed(() =>
            {
                book.Discard(513);
                book.Set(514, 0, 21);
                world.EvictAll();
                book.ReadLease(0);
            }));
        world.CheckAndClose();
    });

    internal static IEnumerable<Scenario> All =>
    [
        FirstTouches, TableUnderLeases, ReleaseAgainstTouch, DiscardsOfOneGranule, TableComesAndGoes, NodeOfAnother, NodeOfAnothersArray,
        FrameOfAReleasedTable, LeftInTheirNodes,
        DisposeAgainstAll,
    ];

    private static void Touch(Book book, int pages)
    {
        for (int page = 0; page < pages; page++)
        {
            book.Overwrite(page, Contents.Text(page + 1));
        }
    }
}
#endif
