using Paging.Stress.Driver;

namespace Paging.Tests.Model;

/// <summary>A slice of the stress program: four threads that share pages, against exact models, at a pool near full.</summary>
public class ConcurrencyTests
{
    private const int Mixed = 0;

    [Theory]
    [InlineData(4 << 10, 0)]
    [InlineData(4 << 10, 1)]
    [InlineData(4 << 10, 2)]
    [InlineData(16 << 10, 0)]
    [InlineData(Mixed, 1)]
    [InlineData(Mixed, 2)]
    public void Threads_that_write_the_same_pages_lose_nothing(int pageBytes, int backgroundThreads) => Seeded.Run(seed =>
    {
        StressOptions options = StressOptions.Of(pageBytes, backgroundThreads) with { Operations = 35_000, Seed = seed };
        StressResult result = StressRun.Execute(options);
        Assert.Equal(options.Operations, result.Operations);
        Assert.True(result.Statistics.Evictions > options.Operations / 20, $"Hardly anything was evicted: {result.Statistics}");
    });

    [Fact]
    public void More_threads_than_processors_and_hardly_more_frames_than_threads_lose_nothing() => Seeded.Run(seed =>
    {
        StressOptions options = StressOptions.Of(4 << 10, backgroundThreads: 1) with
        {
            Operations = 50_000,
            Seed = seed,
            Threads = 8,
            ResidentBytes = 20 * (4 << 10),
        };
        StressRun.Execute(options);
    });
}
