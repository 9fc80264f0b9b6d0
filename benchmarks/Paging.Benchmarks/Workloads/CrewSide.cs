namespace Paging.Benchmarks.Workloads;

/// <summary>Runs sides at once, each on a thread that lives as long as the crew; a pass ends with the last of them.</summary>
/// <remarks>A crew of one works on a thread of its own too, so that one thread and several differ in nothing but their number.</remarks>
internal sealed class CrewSide : ISide, IDisposable
{
    private readonly Barrier _barrier;
    private readonly Thread[] _threads;
    private readonly Outcome[] _outcomes;
    private volatile Exception? _failure;
    private volatile bool _stopping;

    public CrewSide(ISide[] members)
    {
        _barrier = new Barrier(members.Length + 1);
        _outcomes = new Outcome[members.Length];
        _threads = [.. members.Select((member, i) => new Thread(() => Work(member, i)) { IsBackground = true })];
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    public Outcome Run()
    {
        _barrier.SignalAndWait(); // they start
        _barrier.SignalAndWait(); // they are done
        if (_failure is { } failure)
        {
            throw new AggregateException(failure);
        }

        Outcome total = default;
        foreach (Outcome outcome in _outcomes)
        {
            total = new Outcome(total.Operations + outcome.Operations, total.Sum + outcome.Sum);
        }

        return total;
    }

    public void Dispose()
    {
        _stopping = true;
        _barrier.SignalAndWait();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _barrier.Dispose();
    }

    private void Work(ISide member, int index)
    {
        while (true)
        {
            _barrier.SignalAndWait();
            if (_stopping)
            {
                return;
            }

            try
            {
                _outcomes[index] = member.Run();
            }
            catch (Exception e)
            {
                _failure = e; // Run throws it
            }

            _barrier.SignalAndWait();
        }
    }
}
