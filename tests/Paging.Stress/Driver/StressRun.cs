using System.Diagnostics;
using System.Globalization;
using System.Text;

using Paging.Residency;
namespace Paging.Stress.Driver;

/// <summary>One configuration from start to end: threads over four arrays, a matrix, a sparse array and the swap layer of one pager, then a full
/// comparison, then everything given back.</summary>
internal sealed class StressRun : IDisposable
{
    private readonly StressOptions _options;
    private readonly Pager _pager;
    private readonly List<StressArray> _arrays;
    private readonly List<Worker> _workers;
    private readonly Queue<SwapFile> _files = [];
    private volatile bool _stopped;
    private volatile Exception? _removalError;
    private int _removals;
    private int _resizes;

    private StressRun(StressOptions options)
    {
        _options = options;
        var budgets = new PagerOptions
        {
            ResidentBytes = options.ResidentBytes,
            PoolBytes = options.PoolBytes,
            PageBytes = options.LargestPageBytes,
            BackgroundThreads = options.BackgroundThreads,
        };
        _pager = new Pager(budgets, new PagerTuning { ColdAfter = options.ColdAfter });
        for (int i = 0; i < options.Files; i++)
            _files.Enqueue(AddFile(priority: i == 0 ? 1 : 0));
        long bytes = options.PoolBytes * options.DataPercent / 100 / 4;
        _arrays =
        [
            new StressArray<byte>(_pager, 0, bytes, options.PageBytesOf(0), options.Threads),
            new StressArray<float>(_pager, 1, bytes, options.PageBytesOf(1), options.Threads),
            new StressArray<Vector>(_pager, 2, bytes, options.PageBytesOf(2), options.Threads),
            new StressArray<decimal>(_pager, 3, bytes, options.PageBytesOf(3), options.Threads),
            new StressMatrix(_pager, 4, bytes / 4, options.PageBytesOf(1), options.Threads),
            new StressSparse(_pager, 5, options.PageBytesOf(0), options.Threads),
        ];
        var seeds = new Rng(options.Seed);
        foreach (StressArray array in _arrays)
            array.FillPages(seeds.Next(), readOnly: true);
        foreach (StressArray array in _arrays)
            array.FillPages(seeds.Next(), readOnly: false);
        int largest = options.LargestPageBytes;
        int capacity = (int)(options.PoolBytes / 10 / options.Threads / (largest / 2));
        _workers = [.. Enumerable.Range(0, options.Threads)
            .Select(i => new Worker(this, i, seeds.Next(), new StressPages(_pager.Swap, Math.Max(1, capacity), largest)))];
    }

    public bool Stopped => _stopped;

    /// <summary>Runs it and returns what it counted.</summary>
    /// <exception cref="StressFailure">Something was not as it should be; the message says what, and how to repeat it.</exception>
    public static StressResult Execute(StressOptions options, Action<StressResult>? progress = null)
    {
        StressRun run;
        try
        {
            run = new StressRun(options);
        }
        catch (Exception e)
        {
            throw new StressFailure($"{options}: the arrays could not be made: {e.Message}", inner: e);
        }

        return run.Execute(progress);
    }

    public void Stop() => _stopped = true;

    /// <summary>After a failure the pager is left as it is: leases may be out, and threads may hang in it.</summary>
    public void Dispose() => _pager.Dispose();

    public void JudgeRefusal(OutOfPagingSpaceException e)
    {
        long held = _arrays.Sum(array => array.HeldBytes) + _workers.Sum(worker => worker.Pages.HeldBytes);
        if (held < _options.StorageBytes / 2)
            throw new StressFailure($"refused, though the data held are {held} bytes, and pool and files have {_options.StorageBytes}", inner: e);
        if (e.Statistics.PoolBytes <= 0 || e.Statistics.ResidentBytes <= 0)
            throw new StressFailure($"refused without figures: {e.Statistics}", inner: e);
    }

    public void MakeRoom(Worker worker)
    {
        _arrays[worker.Rng.Next(_arrays.Count)].MakeRoom(worker);
        worker.Pages.Free(worker);
    }

    private StressResult Execute(Action<StressResult>? progress)
    {
        var clock = Stopwatch.StartNew();
        List<Thread> threads = [];
        foreach (Worker worker in _workers)
        {
            long share = _options.Operations / _workers.Count;
            var thread = new Thread(() => worker.Run(share, _arrays)) { IsBackground = true, Name = $"stress {worker.Id}" };
            threads.Add(thread);
            thread.Start();
        }

        Thread? interrupter = _options.Interrupts ? new Thread(() => Interrupt(threads)) { IsBackground = true, Name = "stress interrupter" } : null;
        interrupter?.Start();
        Thread? remover = _options.Removals ? new Thread(() => AddAndRemove(threads)) { IsBackground = true, Name = "stress remover" } : null;
        remover?.Start();
        Thread? resizer = _options.Resizes ? new Thread(() => Resize(threads)) { IsBackground = true, Name = "stress resizer" } : null;
        resizer?.Start();
        Watch(threads, clock, progress);
        resizer?.Join();
        interrupter?.Join();
        remover?.Join();
        if (_removalError is not null)
            throw Report(_removalError, "swapoff or resize");
        foreach (Worker worker in _workers)
        {
            if (worker.Error is not null)
                throw Report(worker.Error, $"thread {worker.Id}");
        }

        StressResult result = Result(clock);
        if (_options.Removals && _removals == 0)
            throw Report(new StressFailure("no file was removed"), "swapoff");
        if (_options.Resizes && _resizes == 0)
            throw Report(new StressFailure("the budgets were never changed"), "resize");
        try
        {
            Finish(result);
        }
        catch (Exception e)
        {
            throw Report(e, "after the threads had ended");
        }

        return result;
    }

    /// <summary>Joins the threads, sampling the gauges meanwhile, and calls a run hung in which nothing moves for very long.</summary>
    private void Watch(List<Thread> threads, Stopwatch clock, Action<StressResult>? progress)
    {
        long lastDone = -1;
        TimeSpan lastMove = clock.Elapsed;
        while (threads.Exists(thread => !thread.Join(TimeSpan.FromMilliseconds(250))))
        {
            StressResult now = Result(clock);
            progress?.Invoke(now);
            if (now.Statistics.ResidentBytes > _options.ResidentBytes || now.Statistics.PoolBytes > _options.PoolBytes)
            {
                Stop();
                throw Report(new StressFailure($"a gauge is over its budget: {now.Statistics}"), "the watchdog");
            }

            if (now.Operations != lastDone)
                (lastDone, lastMove) = (now.Operations, clock.Elapsed);
            else if (clock.Elapsed - lastMove > _options.Watchdog)
                throw Report(new StressFailure($"hung: no operation has ended for {clock.Elapsed - lastMove}"), "the watchdog");
        }
    }

    private void Interrupt(List<Thread> threads)
    {
        var random = new Rng(_options.Seed);
        while (threads.Exists(thread => thread.IsAlive))
        {
            threads[random.Next(threads.Count)].Interrupt();
            Thread.Yield();
        }
    }

    private SwapFile AddFile(int priority) => _pager.AddSwapFile(new SwapFileOptions
    {
        Path = Path.GetTempPath(),
        Bytes = _options.FileBytes,
        Priority = priority,
        Encrypt = _options.Encrypt,
    });

    /// <summary>Files come and go, one more than there are meanwhile. What a removal refuses stays, and is removed the next time.</summary>
    private void AddAndRemove(List<Thread> threads)
    {
        var random = new Rng(_options.Seed + 1);
        try
        {
            while (!_stopped && threads.Exists(thread => thread.IsAlive))
            {
                if (_files.Count <= _options.Files)
                    _files.Enqueue(AddFile(random.Next(2)));
                SwapFile oldest = _files.Dequeue();
                try
                {
                    _pager.RemoveSwapFileAsync(oldest).AsTask().GetAwaiter().GetResult();
                    _removals++;
                }
                catch (OutOfPagingSpaceException)
                {
                    _files.Enqueue(oldest);
                    Thread.Yield();
                }
            }
        }
        catch (Exception e)
        {
            _removalError = e;
            Stop();
        }
    }

    /// <summary>Budgets move up and down. What does not fit, or is pinned, is refused, and then the budgets are as they were.</summary>
    private void Resize(List<Thread> threads)
    {
        var random = new Rng(_options.Seed + 2);
        try
        {
            while (!_stopped && threads.Exists(thread => thread.IsAlive))
            {
                long resident = _options.ResidentBytes / 4 + (long)random.Next((int)(_options.ResidentBytes * 3 / 4));
                long pool = _options.PoolBytes / 3 + (long)random.Next((int)(_options.PoolBytes * 2 / 3));
                PagerStatistics before = _pager.GetStatistics();
                try
                {
                    _pager.Resize(resident, pool);
                    _resizes++;
                    before = _pager.GetStatistics();
                    if (before.ResidentBytes > resident || before.PoolBytes > pool)
                        throw new StressFailure($"resized to {resident} and {pool}, and holds more: {before}");
                }
                catch (OutOfPagingSpaceException)
                {
                    Thread.Yield();
                }
            }
        }
        catch (Exception e)
        {
            _removalError = e;
            Stop();
        }
    }

    private void Finish(StressResult result)
    {
        if (result.Written < result.Operations / 8)    // half of the operations write
            throw new StressFailure($"of {result.Operations} operations only {result.Written} wrote: room that is made is not found again");
        foreach (StressArray array in _arrays)
            array.VerifyAll();
        foreach (Worker worker in _workers)
            worker.Pages.FreeAll(worker);
        foreach (StressArray array in _arrays)
            array.Dispose();

        // A background thread may still hold a page of a disposed array; it undoes that at once. A write may be under way.
        var clock = Stopwatch.StartNew();
        PagerStatistics end = _pager.GetStatistics();
        while (!IsEmpty(end) && _options.BackgroundThreads + _options.Files > 0 && clock.Elapsed < TimeSpan.FromSeconds(20))
        {
            Thread.Yield();
            end = _pager.GetStatistics();
        }

        if (!IsEmpty(end))
            throw new StressFailure($"not everything was given back: {end}");
        Dispose();
    }

    private static bool IsEmpty(PagerStatistics now) =>
        now is { Pins: 0, ResidentBytes: 0, PoolStoredBytes: 0, PoolLogicalBytes: 0, SameFilledPages: 0, FilePages: 0, FileBytes: 0 };

    private StressResult Result(Stopwatch clock) => new(
        _workers.Sum(worker => worker.Done),
        _workers.Sum(worker => worker.Written),
        _workers.Sum(worker => worker.Refused),
        clock.Elapsed,
        _pager.GetStatistics());

    private StressFailure Report(Exception error, string where)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{where}: {error.GetType().Name}: {error.Message}");
        text.AppendLine(CultureInfo.InvariantCulture, $"repeat with: {_options} (PAGING_SEED={_options.Seed} in the tests)");
        text.AppendLine(CultureInfo.InvariantCulture, $"counters: {_pager.GetStatistics()}");
        IEnumerable<OperationLog> logs = _workers.Select(worker => worker.Log);
        if (error is StressFailure { Array: >= 0 } failure)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture, $"last operations on elements [{failure.PageStart}, {failure.PageEnd}) of array {failure.Array}:");
            text.AppendJoin(Environment.NewLine, OperationLog.On(logs, failure.Array, failure.PageStart, failure.PageEnd, 40)).AppendLine();
        }

        text.AppendLine("last operations of each thread:");
        foreach (OperationLog log in logs)
            text.AppendJoin(Environment.NewLine, log.Newest(6)).AppendLine();
        return new StressFailure(text.ToString(), inner: error);
    }
}

/// <summary>What a run has counted so far.</summary>
internal readonly record struct StressResult(long Operations, long Written, long Refused, TimeSpan Elapsed, PagerStatistics Statistics);
