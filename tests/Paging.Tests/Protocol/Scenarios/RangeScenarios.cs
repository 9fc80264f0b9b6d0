#if DEBUG
using Paging.Tests.Swap.Devices.Doubles;
using static Paging.Tests.Protocol.GatherScenarios;
using static Paging.Tests.Protocol.PageScenarios;

namespace Paging.Tests.Protocol;

/// <summary>Ranges copied out, or pinned as a sequence, of pages most of which are in a file: the reads of those that come next are under way,
/// while everything else happens to these pages and to the file. One thread is the device.</summary>
internal static class RangeScenarios
{
    internal static readonly Scenario AgainstEviction = new(
        "ranges are copied out while their pages are written and dropped, and go again", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => Repeat(2, () => book.Copy(0, Pages)),
            () => book.ReadSequence(2, 5),
            () =>
            {
                book.Set(3, 1, 41);
                book.Discard(4);
                book.Overwrite(0, Contents.Noise(51));
                world.EvictAll();
                book.Set(7, 0, 43);
                world.Domain.Step();
            });
        End(world, device);
    });

    internal static readonly Scenario AgainstSwapoff = new("ranges are copied out while the file that they are in is removed", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => book.Copy(0, Pages),
            () => book.Copy(3, 8),
            world.RemoveFile);
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario AgainstLeases = new(
        "a range is copied out by a thread that has to wait for leases, under which others want room in the file", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run);
        FileScenarios.With(device, run,
            () => book.Copy(0, Pages),
            () =>
            {
                // All frames but one, and that is wanted, too.
                book.ReadSequence(0, 7);
                book.Overwrite(10, Contents.Noise(52));
                book.ReadSequence(4, 7);
            },
            () =>
            {
                for (int page = 0; page < 6; page++)
                    book.Overwrite(page, Contents.Noise(60 + page));
                Repeat(3, () => world.Domain.Step());
            });
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario ArrayDisposed = new(
        "an array is disposed while a range is copied out: that is said, or it is had", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Copy(0, Pages))),
            () => Repeat(2, () => world.Domain.Step()),
            book.Array.Dispose);
        End(world, device, mayHaveReadNone: true);
    });

    internal static readonly Scenario PagerDisposed = new(
        "the pager is disposed while ranges are copied out, and no read outlives it", static run =>
    {
        (World world, Book book, MemoryDevice device) = Begin(run, Neighbours);
        FileScenarios.With(device, run,
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Copy(0, Pages))),
            () => ClosingScenarios.UntilDisposed(() => Repeat(2, () => book.Copy(1, 7))),
            world.Pager.Dispose);
        Assert.Equal(0, device.PendingCount);
    });

    internal static readonly Scenario FailingReads = new(
        "reads of a range fail or bring something else: one exception, and all of it is there afterwards",
        static run => ReadWhileReadsFail(run, Neighbours, static book => book.Copy(0, Pages)));

    internal static IReadOnlyList<Scenario> All { get; } =
        [AgainstEviction, AgainstSwapoff, AgainstLeases, ArrayDisposed, PagerDisposed, FailingReads];
}
#endif
