namespace Paging.Stress.Driver;

/// <summary>Pages that one thread stores through <see cref="Pager.Swap"/>, made anew from their salts to be compared.</summary>
internal sealed class StressPages(SwapSpace swap, int capacity, int largest)
{
    private readonly List<Page> _pages = [];
    private readonly byte[] _seen = new byte[largest];
    private readonly byte[] _expected = new byte[largest];
    private long _held;

    /// <summary>Read by other threads to judge a refusal.</summary>
    public long HeldBytes => Volatile.Read(ref _held);

    public void Step(Worker worker)
    {
        ref Rng rng = ref worker.Rng;
        if (_pages.Count == 0 || (_pages.Count < capacity && rng.Chance(40)))
            Store(worker);
        else if (rng.Chance(60))
            Verify(worker, _pages[rng.Next(_pages.Count)]);
        else
            Free(worker);
    }

    public void Free(Worker worker)
    {
        if (_pages.Count == 0)
            return;
        int i = worker.Rng.Next(_pages.Count);
        Page page = _pages[i];
        worker.Log.Begin(Operation.Free, -1, (long)page.Id.Value, page.Length);
        Verify(worker, page);
        swap.AddReference(page.Id);
        swap.Free(page.Id);
        Verify(worker, page);
        swap.Free(page.Id);
        if (swap.TryLoad(page.Id, _seen, out _))
            throw new StressFailure($"thread {worker.Id}: the freed page {page.Id} can be loaded");
        _pages[i] = _pages[^1];
        _pages.RemoveAt(_pages.Count - 1);
        Volatile.Write(ref _held, _held - Cost(page));
    }

    public void FreeAll(Worker worker)
    {
        while (_pages.Count > 0)
            Free(worker);
    }

    private static long Cost(Page page) => page.Kind < ContentKind.Text ? 0 : page.Length + 64;

    private void Store(Worker worker)
    {
        var page = new Page(default, 1 + worker.Rng.Next(largest), Content.Pick(ref worker.Rng), worker.Rng.Next());
        ref OperationLog.Entry entry = ref worker.Log.Begin(Operation.Store, -1, 0, page.Length);
        entry.Kind = page.Kind;
        Span<byte> bytes = _expected.AsSpan(0, page.Length);
        Content.Write(page.Kind, page.Salt, bytes);
        try
        {
            page = page with { Id = swap.Store(bytes) };
        }
        catch (OutOfPagingSpaceException e)
        {
            entry.Refused = true;
            worker.Refuse(e);
            return;
        }

        bytes.Clear();    // the source may be reused at once
        _pages.Add(page);
        Volatile.Write(ref _held, _held + Cost(page));
    }

    private void Verify(Worker worker, Page page)
    {
        worker.Log.Begin(Operation.Load, -1, (long)page.Id.Value, page.Length);
        int length = swap.Load(page.Id, _seen);
        if (length != page.Length || swap.GetLength(page.Id) != page.Length)
            throw new StressFailure($"thread {worker.Id}: page {page.Id} has {length} bytes, not {page.Length}");
        Span<byte> expected = _expected.AsSpan(0, page.Length);
        Content.Write(page.Kind, page.Salt, expected);
        int i = Content.FirstDifference<byte>(expected, _seen.AsSpan(0, length));
        if (i >= 0)
        {
            throw new StressFailure(
                $"thread {worker.Id}: byte {i} of page {page.Id} ({page.Kind}, {page.Length} bytes) is {_seen[i]:x2}, not {expected[i]:x2}");
        }
    }

    private readonly record struct Page(SwapId Id, int Length, ContentKind Kind, ulong Salt);
}
