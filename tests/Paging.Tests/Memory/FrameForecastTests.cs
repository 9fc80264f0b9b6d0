using Paging.Memory;

namespace Paging.Tests.Memory;

/// <summary>The bounds of the forecast: what it takes, how often it works, and that it copes with any number of frames.</summary>
public sealed class FrameForecastTests
{
    private const int PageBytes = FramePool.MinPageBytes;

    [Theory]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(255)]
    [InlineData(257)]
    [InlineData(100_000)]
    [InlineData(FramePool.MaxBudgetBytes / PageBytes)]
    public void It_takes_little_memory(long frames)
    {
        int bytes = new FrameForecast(frames, PageBytes, rests: true).Bytes;
        Assert.InRange(bytes, 1, Math.Min(64L << 10, frames * 1024));
    }

    [Fact]
    public void There_is_none_of_few_frames()
    {
        FrameForecast forecast = new(FrameForecast.MinPagerFrames - 1, PageBytes, rests: true);
        Assert.Equal(0, forecast.Bytes);
        for (int i = 0; i < 10_000; i++)
        {
            Assert.Equal(0, Fault(forecast, (ulong)i % 20, i < 20, isAhead: false, i, capacity: 7));
        }

        Assert.True(double.IsNaN(forecast.Saved.Plus25));
    }

    [Theory]
    [InlineData(8, 12, PageBytes, 64)]
    [InlineData(300, 900, PageBytes, 64)]
    [InlineData(4_000, 9_000, PageBytes, 64)]
    [InlineData(300, 900, 16 << 10, 32)]
    [InlineData(300, 900, 4 << 20, 8)]
    [InlineData(300, 1_000_000, PageBytes, 64)]
    public void Few_faults_do_work(int frames, int pages, int pageBytes, int faultsPerSample)
    {
        const int Faults = 1_000_000;
        FrameForecast forecast = new(frames, pageBytes, rests: true);
        long sampled = 0;
        for (int i = 0; i < Faults; i++)
        {
            sampled += Fault(forecast, (ulong)(i % pages), i < pages, isAhead: false, i, frames) != 0 ? 1 : 0;
        }

        // A phase comes before the rest that makes up for it.
        Assert.InRange(sampled, 1, (Faults / faultsPerSample) + 30_000);
        Assert.False(double.IsNaN(forecast.Saved.Plus25));
    }

    [Fact]
    public void More_frames_and_more_pages_than_expected_are_sampled_less()
    {
        const int Pages = 100_000;
        FrameForecast forecast = new(10_000, PageBytes, rests: false);
        long before = Count(forecast, 0, 10_000);
        long after = 0;
        for (int round = 1; round < 8; round++)
        {
            after = Count(forecast, round, 80_000);
        }

        Assert.InRange(after, before / 16, before / 4);

        // And fewer frames than there were.
        Count(forecast, 8, capacity: 1);
        Assert.InRange(forecast.Saved.Plus100, 0, 1);

        static long Count(FrameForecast forecast, int round, long capacity)
        {
            long sampled = 0;
            for (int i = 0; i < Pages; i++)
            {
                ushort page = Fault(forecast, (ulong)i, round == 0, i % 7 == 0, (round * Pages) + i, capacity);
                if (page != 0)
                {
                    sampled++;
                    forecast.NoteUsed(page, capacity);
                }
            }

            return sampled;
        }
    }

    [Fact]
    public void Frames_that_come_to_be_fewer_again_are_sampled_more_again()
    {
        const int Pages = 100_000;
        FrameForecast forecast = new(10_000, PageBytes, rests: false);
        long fault = 0;
        long before = Count(capacity: 10_000);
        Count(capacity: 160_000);
        Count(capacity: 160_000);
        Assert.InRange(Count(capacity: 160_000), 1, before / 8);
        Count(capacity: 10_000);
        Assert.InRange(Count(capacity: 10_000), before / 3, before);

        // As many pages in miniature as it takes to tell one frame from another.
        Count(capacity: 500);
        Assert.InRange(Count(capacity: 500), 4 * before, Pages);

        // A loop that twice the frames would hold, and fewer not, is told as such.
        const int Loop = 900;
        for (int i = 0; i < 200 * Loop; i++)
        {
            Fault(forecast, (ulong)(i % Loop), isNew: false, isAhead: false, fault++, capacity: 500);
        }

        (double plus25, double plus50, double plus100) = forecast.Saved;
        Assert.InRange(plus25, 0.2, 0.9);
        Assert.InRange(plus50, plus25, 0.95);
        Assert.InRange(plus100, 0.98, 1);

        long Count(long capacity)
        {
            long sampled = 0;
            for (int i = 0; i < Pages; i++)
            {
                sampled += Fault(forecast, (ulong)i, isNew: false, isAhead: false, fault++, capacity) != 0 ? 1 : 0;
            }

            return sampled;
        }
    }

    private static ushort Fault(FrameForecast forecast, ulong identity, bool isNew, bool isAhead, long fault, long capacity) =>
        forecast.IsSampled(identity, fault) ? forecast.NoteFault(identity, isNew, isAhead, fault, capacity) : (ushort)0;
}
