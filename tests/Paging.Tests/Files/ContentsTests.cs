using FsCheck.Fluent;
using Paging.Stress.Driver;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Files;

/// <summary>Any sequence of operations leaves in a paged array what it leaves in an array, and in Pager.Swap what was stored, when most
/// pages are in swap files.</summary>
public class ContentsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Arrays_several_times_the_pool_hold_what_plain_arrays_hold(int backgroundThreads) =>
        Check(3, backgroundThreads, Held.File(16 << 20));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Encrypted_files_hold_what_plain_arrays_hold(int backgroundThreads) =>
        Check(2, backgroundThreads, Held.File(16 << 20, encrypt: true));

    [Fact]
    public void Files_of_different_priorities_hold_what_plain_arrays_hold() =>
        Check(2, 1, Held.File(2 << 20, priority: 2), Held.File(10 << 20), Held.File(4 << 20, priority: 1, encrypt: true));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Files_near_full_refuse_writes_and_lose_nothing(int backgroundThreads) =>
        Check(3, backgroundThreads, Held.File(1 << 20), Held.File(1 << 20, encrypt: true));

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    public void Pages_stored_by_id_read_as_they_were_stored(int backgroundThreads, bool encrypt) => Seeded.Check(
        4,
        SwapScript.Generate(2 << 20, backgroundThreads, Gen.Choose(1, 16 << 10), stores: 25, least: 1200),
        SwapScript.Shrink,
        script => AssertUsed(SwapRun.Execute(script, Held.File(8 << 20, encrypt: encrypt), Held.File(8 << 20))));

    [Fact]
    public void Statistics_say_where_the_pages_are()
    {
        const int Pages = 2_000;
        using var held = new Held(Pages, backgroundThreads: 0, Held.File(2 << 20, priority: 1), Held.File(16 << 20));
        PagerStatistics before = held.Statistics;
        held.Fill();
        held.AwaitWrites();
        PagerStatistics filled = held.Statistics;

        // A quarter of the pages is text, which half of the bytes will do for.
        long stored = Pages - Held.Frames;
        Assert.InRange(filled.FilePages, stored - (filled.PoolStoredBytes / 2000) - 1, stored);
        Assert.InRange(filled.FileBytes, filled.FilePages * 2000, filled.FilePages * 6200);
        Assert.Equal(filled.FileBytes, held.Store.Files.Areas.ToArray().Sum(area => area?.UsedBytes ?? 0));
        Assert.True(held.Store.Files.Areas[0]!.UsedBytes > (2 << 20) - (64 << 10), "The file of the higher priority is not full.");
        Assert.InRange(filled.BytesWritten, filled.FilePages * 2000, filled.FileBytes);
        Assert.Equal((0, 0, 0), (filled.FaultsFromFile, filled.BytesRead, filled.IoErrors));

        // A word of the page table and a descriptor a page, and an entry of the segment table for two pages, since the pool is so small.
        Assert.InRange(filled.MetadataBytes - before.MetadataBytes, Pages * 40L, Pages * 80L);

        // From cold to warm: nearly all of it comes from the files, a page at a time, and what is clean is not written again.
        held.VerifyAll();
        PagerStatistics read = held.Statistics;
        Assert.InRange(read.FaultsFromFile, filled.FilePages * 9 / 10, Pages);
        Assert.InRange(read.BytesRead, read.FaultsFromFile * 4096, read.FaultsFromFile * 2 * 4096);
        Assert.InRange(read.FaultsFromFile + read.FaultsFromPool, Pages - Held.Frames, Pages);
        held.VerifyAll();
        Assert.InRange(held.Statistics.CleanEvictions, Pages, 2 * Pages);
        held.AssertWithinBudgets();
    }

    [Fact]
    public void Equal_files_take_turns_and_lower_ones_wait()
    {
        using var held = new Held(1_200);
        SwapFile[] equal = [.. Enumerable.Range(0, 3).Select(_ => held.Pager.AddSwapFile(Held.File(priority: 4)))];
        SwapFile lower = held.Pager.AddSwapFile(Held.File(priority: 3));
        held.Fill();
        held.AwaitWrites();
        Assert.Equal(0, lower.UsedBytes);
        Assert.InRange(equal.Max(file => file.UsedBytes) - equal.Min(file => file.UsedBytes), 0, 5 * 12 << 10);
        Assert.True(equal.Min(file => file.UsedBytes) > 1 << 20);
        held.VerifyAll();
    }

    [Fact]
    public void Space_of_dead_pages_is_used_again()
    {
        // Several times what pool and files hold goes through them.
        using var held = new Held(900, backgroundThreads: 0, Held.File(4 << 20));
        var rng = new Rng(1);
        held.Fill();
        for (int i = 0; i < 7_000; i++)
            held.Write(rng.Next(900L));
        held.VerifyAll();
        held.AssertWithinBudgets();
        Assert.True(held.Statistics.BytesWritten > 3 * (4 << 20), $"{held.Statistics.BytesWritten} bytes were written.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Four_threads_over_two_files_read_what_they_wrote(int backgroundThreads) => Seeded.Run(seed =>
    {
        using var pager = new Pager(Held.Options(backgroundThreads, Held.File(2 << 20, priority: 1, encrypt: true), Held.File(8 << 20)));
        Held[] parts = [.. Enumerable.Range(0, 4).Select(_ => new Held(400, pager))];
        Held.WorkTogether(parts, seed, operations: 4_000);
        foreach (Held part in parts)
            part.VerifyAll();
        parts[0].AssertWithinBudgets();
        AssertUsed(pager.GetStatistics());
        foreach (Held part in parts)
            part.Array.Dispose();
        Settled.Empty(pager);
    });

    private static void Check(int cases, int backgroundThreads, params SwapFileOptions[] files) => Seeded.Check(
        cases, Script.Large(backgroundThreads, fits: files.Sum(file => file.Bytes) > 8 << 20),
        Script.Shrink, script => AssertUsed(ScriptRun.Execute(script, loaded: true, files)));

    private static void AssertUsed(PagerStatistics now) =>
        Assert.True(now is { Writebacks: > 0, BytesRead: > 0, IoErrors: 0, CorruptedPages: 0 }, now.ToString());
}

/// <summary>The same by blocking threads, where the system refuses io_uring.</summary>
[Collection(Alone.Name)]
public sealed class ContentsWithoutUringTests : ContentsTests, IDisposable
{
    private const string Switch = "Paging.DisableIoUring";

    public ContentsWithoutUringTests() => AppContext.SetSwitch(Switch, true);

    public void Dispose() => AppContext.SetSwitch(Switch, false);
}
