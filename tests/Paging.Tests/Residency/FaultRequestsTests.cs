using Paging.Residency;
using Paging.Tests.Files;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>Requests for pages: bounded, each page once, and none for ever.</summary>
public sealed class FaultRequestsTests : IDisposable
{
    private readonly Held _held = new(8);
    private readonly FaultRequests _requests = new();

    private PagedRegion Region => Internals.Pages(_held.Array).Region;

    [Fact]
    public void What_is_asked_for_twice_is_taken_once()
    {
        Assert.False(_requests.IsAny);
        Assert.False(_requests.TryTake(out _, out _));
        Assert.True(_requests.TryAdd(Region, 5));
        Assert.False(_requests.TryAdd(Region, 5));
        Assert.True(_requests.TryAdd(Region, 6));
        var taken = new HashSet<long>();
        while (_requests.TryTake(out PagedRegion? region, out long page))
        {
            Assert.Same(Region, region);
            Assert.True(taken.Add(page));
        }

        Assert.Equal([5, 6], taken.Order());
        Assert.False(_requests.IsAny);
        Assert.True(_requests.TryAdd(Region, 5));
    }

    [Fact]
    public void Beyond_their_places_requests_are_dropped_and_come_in_again_later()
    {
        long[] added = [.. Enumerable.Range(0, 1000).Select(static i => (long)i).Where(page => _requests.TryAdd(Region, page))];
        Assert.InRange(added.Length, FaultRequests.Places / 2, FaultRequests.Places);
        var taken = new List<long>();
        while (_requests.TryTake(out _, out long page))
            taken.Add(page);
        Assert.Equal(added.Order(), taken.Order());
        Assert.True(_requests.TryAdd(Region, 999));
    }

    [Fact]
    public void Who_asks_first_wakes_and_others_need_not_until_nobody_has_asked_for_a_while()
    {
        var clock = new ManualClock();
        var watch = new RequestWatch(_requests, clock);
        Assert.False(watch.GoesOn());
        Assert.True(watch.TryBegin());
        Assert.False(watch.TryBegin());
        clock.Advance(RequestWatch.Quiet / 2);
        Assert.True(watch.GoesOn());
        watch.NoteServed();
        clock.Advance(RequestWatch.Quiet * 3 / 4);
        Assert.True(watch.GoesOn());
        clock.Advance(RequestWatch.Quiet);

        // One that came in the last moment is not left behind.
        Assert.True(_requests.TryAdd(Region, 1));
        Assert.False(watch.TryBegin());
        Assert.True(watch.GoesOn());
        Assert.True(_requests.TryTake(out _, out _));
        Assert.False(watch.GoesOn());
        Assert.True(watch.TryBegin());
    }

    [Fact]
    public void Threads_that_ask_and_threads_that_serve_lose_none_and_see_none_twice()
    {
        const int PagesOfAThread = 20_000;
        int[] taken = new int[2 * PagesOfAThread];
        int asking = 2;
        Thread[] threads =
        [
            .. Enumerable.Range(0, 2).Select(number => new Thread(() =>
            {
                for (int i = 0; i < PagesOfAThread; i++)
                {
                    while (!_requests.TryAdd(Region, (2 * i) + number))
                        Thread.Yield();
                }

                Interlocked.Decrement(ref asking);
            })),
            .. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
            {
                while (Volatile.Read(ref asking) != 0 || _requests.IsAny)
                {
                    if (_requests.TryTake(out PagedRegion? _, out long page))
                        Interlocked.Increment(ref taken[page]);
                    else
                        Thread.Yield();
                }
            })),
        ];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.All(taken, static count => Assert.Equal(1, count));
    }

    public void Dispose() => _held.Dispose();
}
