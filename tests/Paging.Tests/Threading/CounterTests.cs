using Paging.Tests.Protocol;
using Paging.Threading;

namespace Paging.Tests.Threading;

public sealed class CounterTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public void Additions_of_many_threads_add_up_for_each_counter_alone(int processors)
    {
        var counters = new Counters(processors);
        Counter[] all = Enum.GetValues<Counter>();
        Thread[] threads = [.. Enumerable.Range(1, 4).Select(number => new Thread(() =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                foreach (Counter counter in all)
                {
                    counters.Add(counter, number * ((int)counter + 1));
                }

                counters.Add(Counter.BytesRead, -number);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        foreach (Counter counter in all)
        {
            long expected = 2_000L * 10 * ((int)counter + 1);
            Assert.Equal(counter == Counter.BytesRead ? expected - 20_000 : expected, counters[counter]);
        }
    }

    [Fact]
    public void Nobody_enters_what_is_run_down_and_who_is_inside_is_waited_for()
    {
        var rundown = new Rundown(2);
        Assert.True(rundown.TryEnter());
        Assert.True(rundown.TryEnter());
        rundown.Exit();
        var closing = new Thread(rundown.Close);
        closing.Start();
        SpinWait.SpinUntil(() => rundown.IsClosed);
        Assert.False(rundown.TryEnter());
        Assert.True(closing.IsAlive);
        rundown.Exit();
        closing.Join();
        Assert.False(rundown.TryEnter());
    }
}
