namespace Paging.Stress.Driver;

/// <summary>A very long array of which few pages are touched, far apart and in clusters, beside a model that holds these. Each thread has a
/// part of it.</summary>
internal sealed class StressSparse : StressArray
{
    private const long Pages = 1 << 20;
    private const int PagesInGranule = 512;

    /// <summary>Places in a thread's part that its pages are near.</summary>
    private const int Places = 40;
    private const int MostPages = 400;

    private readonly PagedArray<long> _array;
    private readonly Dictionary<long, long>[] _models;
    private readonly int _index;
    private readonly long _part;

    public StressSparse(Pager pager, int index, int pageBytes, int threads)
    {
        _index = index;
        _array = pager.Allocate<long>(Pages * (pageBytes / sizeof(long)), new PagedArrayOptions { PageBytes = pageBytes, Name = "sparse" });
        _models = [.. Enumerable.Range(0, threads).Select(static _ => new Dictionary<long, long>())];
        _part = Pages / threads / PagesInGranule * PagesInGranule;
    }

    public override int PageLength => _array.PageLength;

    /// <summary>Pages with two elements take next to nothing.</summary>
    public override long HeldBytes => 0;

    public override void FillPages(ulong salt, bool readOnly)
    {
        // They are touched as the run goes.
    }

    public override void Step(Worker worker)
    {
        Dictionary<long, long> model = _models[worker.Id];
        long page = Pick(worker);
        switch (worker.Rng.Next(16))
        {
            case < 7:
                Write(worker, model, page);
                break;
            case < 10:
                worker.Log.Begin(Operation.Get, _index, page * PageLength, PageLength);
                Compare(page, model.GetValueOrDefault(page), _array[page * PageLength], _array[(page * PageLength) + PageLength - 1]);
                break;
            case < 13:
                worker.Log.Begin(Operation.TryRead, _index, page * PageLength, PageLength);
                if (_array.TryRead(page * PageLength, out ReadLease<long> lease))
                {
                    using (lease)
                        Compare(page, model.GetValueOrDefault(page), lease.Span[0], lease.Span[^1]);
                }

                break;
            case 13:
                worker.Log.Begin(Operation.Prefetch, _index, page * PageLength, PageLength);
                Finish(_array.PrefetchAsync(page * PageLength, (long)Math.Min(600, Pages - page) * PageLength).AsTask());
                break;
            default:
                Discard(worker, page, 1 + worker.Rng.Next(worker.Rng.Chance(20) ? PagesInGranule * 3 : 8));
                break;
        }

        if (model.Count > MostPages)
            Discard(worker, FirstOf(worker), (int)_part);
    }

    public override void MakeRoom(Worker worker) => Discard(worker, Pick(worker), PagesInGranule);

    public override void VerifyAll()
    {
        for (int i = 0; i < _models.Length; i++)
        {
            foreach ((long page, long value) in _models[i])
            {
                Compare(page, value, _array[page * PageLength], _array[(page * PageLength) + PageLength - 1]);

                // What lies beside it, if nobody has touched that.
                if (page + 1 < (i + 1) * _part && !_models[i].ContainsKey(page + 1))
                    Compare(page + 1, 0, _array[(page + 1) * PageLength], _array[((page + 2) * PageLength) - 1]);
            }
        }
    }

    public override void Dispose() => _array.Dispose();

    /// <summary>Waits for a task, whatever interrupts come meanwhile: this wait is the program's, which they do cut short.</summary>
    internal static void Finish(Task task)
    {
        while (!task.IsCompleted)
        {
            try
            {
                Task.WaitAny(task);
            }
            catch (ThreadInterruptedException)
            {
            }
        }

        task.GetAwaiter().GetResult();
    }

    private long FirstOf(Worker worker) => worker.Id * _part;

    private long Pick(Worker worker)
    {
        long place = worker.Rng.Next(Places) * (_part / Places);
        return FirstOf(worker) + place + worker.Rng.Next(worker.Rng.Chance(70) ? 16 : PagesInGranule);
    }

    private void Write(Worker worker, Dictionary<long, long> model, long page)
    {
        ref OperationLog.Entry entry = ref worker.Log.Begin(Operation.Set, _index, page * PageLength, PageLength);
        long value = (long)(worker.Rng.Next() | 1);
        try
        {
            using WriteLease<long> lease = _array.Write(page * PageLength);
            lease.Span[0] = value;
            lease.Span[^1] = ~value;
            model[page] = value;
            worker.Written++;
        }
        catch (OutOfPagingSpaceException e)
        {
            entry.Refused = true;
            worker.Refuse(e);
        }
    }

    private void Discard(Worker worker, long page, int pages)
    {
        long end = Math.Min(page + pages, FirstOf(worker) + _part);
        worker.Log.Begin(Operation.Discard, _index, page * PageLength, (int)Math.Min(int.MaxValue, (end - page) * PageLength));
        _array.Discard(page * PageLength, (end - page) * PageLength);
        Dictionary<long, long> model = _models[worker.Id];
        foreach (long gone in model.Keys)
        {
            if (gone >= page && gone < end)
                model.Remove(gone);
        }
    }

    private void Compare(long page, long value, long first, long last)
    {
        if (first != value || last != (value == 0 ? 0 : ~value))
        {
            throw new StressFailure(
                $"sparse array {_index}: page {page} holds {first:x} and {last:x}, not {value:x} and its complement",
                _index,
                page * PageLength,
                (page + 1) * PageLength);
        }
    }
}
