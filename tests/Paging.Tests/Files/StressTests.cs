using Paging.Stress.Driver;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Files;

/// <summary>A slice of the stress program with a pool much smaller than the data: four threads that share pages, against exact models.</summary>
public sealed class StressTests
{
    private const int Mixed = 0;

    [Theory]
    [InlineData(4 << 10, 0, 1, false)]
    [InlineData(4 << 10, 1, 2, false)]
    [InlineData(4 << 10, 2, 2, true)]
    [InlineData(16 << 10, 1, 1, true)]
    [InlineData(Mixed, 0, 2, false)]
    [InlineData(Mixed, 2, 1, false)]
    public void Threads_over_pages_that_are_mostly_in_files_lose_nothing(int pageBytes, int backgroundThreads, int files, bool encrypt) =>
        Seeded.Run(
            seed => Execute(StressOptions.Of(pageBytes, backgroundThreads).WithFiles(files, encrypt) with { Operations = 5_000, Seed = seed }));

    [Fact]
    public void Files_that_the_data_outgrow_refuse_and_lose_nothing() => Seeded.Run(seed =>
    {
        StressOptions options = StressOptions.Of(4 << 10, backgroundThreads: 1).WithFiles(1) with { Operations = 5_000, Seed = seed };
        Execute(options with { FileBytes = options.FileBytes / 2 });
    });

    [Theory]
    [InlineData(4 << 10, 1, 2)]
    [InlineData(Mixed, 0, 1)]
    [InlineData(Mixed, 2, 1)]
    public void Budgets_that_move_under_threads_lose_nothing(int pageBytes, int backgroundThreads, int files) =>
        Seeded.Run(seed => Execute(
            StressOptions.Of(pageBytes, backgroundThreads).WithFiles(files) with { Operations = 5_000, Seed = seed, Resizes = true }));

    private static void Execute(StressOptions options)
    {
        StressResult result = StressRun.Execute(options);
        Assert.Equal(options.Operations, result.Operations);
        Assert.True(result.Statistics.FaultsFromFile > options.Operations / 20, $"Hardly anything came from a file: {result.Statistics}");
        Assert.Equal((0, 0), (result.Statistics.IoErrors, result.Statistics.CorruptedPages));
    }
}

/// <summary>The same where the system refuses io_uring, as containers do: blocking threads write and read instead.</summary>
[Collection(Alone.Name)]
public sealed class StressWithoutUringTests : IDisposable
{
    private const string Switch = "Paging.DisableIoUring";

    public StressWithoutUringTests() => AppContext.SetSwitch(Switch, true);

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Blocking_threads_do_as_well(int backgroundThreads, bool encrypt) => Seeded.Run(seed =>
    {
        StressOptions options = StressOptions.Of(4 << 10, backgroundThreads).WithFiles(2, encrypt) with { Operations = 5_000, Seed = seed };
        StressResult result = StressRun.Execute(options);
        Assert.True(result.Statistics.FaultsFromFile > options.Operations / 20, $"Hardly anything came from a file: {result.Statistics}");
    });

    public void Dispose() => AppContext.SetSwitch(Switch, false);
}
