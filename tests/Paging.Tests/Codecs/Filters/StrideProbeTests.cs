using Paging.Codecs.Filters;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs.Filters;

public sealed unsafe class StrideProbeTests : IDisposable
{
    private readonly GuardedBuffer _buffer = new(PageFilters.MaxLength);

    public void Dispose() => _buffer.Dispose();

    [Fact]
    public void The_cost_is_the_same_at_every_level() => Seeded.Run(seed =>
    {
        Random random = new((int)seed);
        for (int i = 0; i < 300; i++)
        {
            byte[] page = Contents.Make(random, random.Next(i < 250 ? 300 : 5000));
            CheckCost(page, random.Next(1, 80));
        }
    });

    [Fact]
    public void Costs_of_the_largest_differences_do_not_overflow()
    {
        // 0 and 128 by turns: every difference costs 8 bits.
        byte[] page = [.. Enumerable.Range(0, PageFilters.MaxLength).Select(i => (byte)(i % 2 * 128))];
        CheckCost(page, 1);
        CheckCost(page, Filter.MaxStride - 1);
    }

    [Fact]
    public void Records_cost_least_at_their_length()
    {
        Random random = new(1);
        byte[] page = [.. Enumerable.Range(0, 4096).Select(i => (byte)((i % 12 * 97) + random.Next(4)))];
        byte* start = _buffer.Take(page.Length, guardBehind: true);
        page.CopyTo(new Span<byte>(start, page.Length));
        int best = Enumerable.Range(1, 20).MinBy(lag => StrideProbe.BitCost(start, page.Length, lag) / (double)(page.Length - lag));
        Assert.Equal(12, best);
    }

    private void CheckCost(byte[] page, int lag)
    {
        int expected = ReferenceFilters.BitCost(page, lag);
        foreach (bool guardBehind in new[] { true, false })
        {
            byte* start = _buffer.Take(page.Length, guardBehind);
            page.CopyTo(new Span<byte>(start, page.Length));
            foreach (SimdLevel level in Enum.GetValues<SimdLevel>().Where(level => level <= SimdLevels.Supported))
            {
                Assert.Equal(expected, StrideProbe.BitCost(start, page.Length, lag, level));
            }
        }
    }
}
