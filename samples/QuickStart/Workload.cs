// What is read and written, in which order, by which thread: the same for every run with the same seed, and the same
// for the paged array and for the mapped file.
namespace QuickStart;

/// <summary>Bytes to be changed: each is XORed with <paramref name="Mask"/>, which is not zero. Never crosses a page.</summary>
internal readonly record struct Edit(long Start, int Length, byte Mask)
{
    public void Apply(Span<byte> range)
    {
        foreach (ref byte value in range)
            value ^= Mask;
    }
}

internal sealed class Workload
{
    // Small data is read several times, or there would be nothing to measure.
    private const long BytesWorthMeasuring = 2L << 30;
    private const int MostPasses = 64;

    // Short, as updates of records are. Long ones would turn the files into noise that no codec can shrink.
    private const long BytesPerEdit = 4 << 10;
    private const int LongestEdit = 64;
    private const int MostEdits = 500_000;

    private readonly int _threads;
    private readonly int _seed;
    private readonly int[] _randomPages;
    private readonly Edit[] _editsInOrder;

    public Workload(long length, Options options)
    {
        Length = length;
        PageBytes = options.PageBytes;
        _threads = options.Threads;
        _seed = options.Seed;

        long pages = (length + PageBytes - 1) / PageBytes;
        if (pages > Array.MaxLength)
            throw new InputException($"{pages} pages of {Sizes.Format(PageBytes)} are more than this program lists; pass a larger --page");
        PageCount = (int)pages;
        Passes = (int)Math.Clamp(BytesWorthMeasuring / length, 1, MostPasses);

        _randomPages = new int[PageCount];
        for (int page = 0; page < PageCount; page++)
            _randomPages[page] = page;
        NewRandom(Purpose.Order, worker: 0).Shuffle(_randomPages);

        int editsPerWorker = (int)Math.Clamp(length / BytesPerEdit / _threads, 1, MostEdits / _threads);
        Edits = [.. Enumerable.Range(0, _threads).Select(worker => MakeEdits(worker, editsPerWorker))];
        _editsInOrder = [.. Edits.SelectMany(edits => edits)];
        Array.Sort(_editsInOrder, (a, b) => a.Start.CompareTo(b.Start));
    }

    private enum Purpose { Order, Reorder, Edits, Probe }

    public long Length { get; }
    public int PageBytes { get; }
    public int PageCount { get; }

    /// <summary>How often the reading phases read the whole data.</summary>
    public int Passes { get; }

    /// <summary>By worker: what it writes, in that order.</summary>
    public Edit[][] Edits { get; }

    public long EditedBytes => _editsInOrder.Sum(edit => (long)edit.Length);
    public int EditCount => _editsInOrder.Length;

    public long Start(int page) => (long)page * PageBytes;

    public int LengthOf(int page) => (int)Math.Min(PageBytes, Length - Start(page));

    /// <summary>Pages of one contiguous share of the data, from its first to its last.</summary>
    public (int First, int End) Share(int worker) => Share(PageCount, worker);

    /// <summary>Each pass of all workers together gives every page exactly once, in an order of its own.</summary>
    public IEnumerable<int> PagesAtRandom(int worker)
    {
        (int first, int end) = Share(PageCount, worker);
        int[] pages = _randomPages[first..end];
        Random random = NewRandom(Purpose.Reorder, worker);
        for (int pass = 0; pass < Passes; pass++)
        {
            random.Shuffle(pages);
            foreach (int page in pages)
                yield return page;
        }
    }

    public IEnumerable<int> PagesInOrder(int worker)
    {
        (int first, int end) = Share(PageCount, worker);
        for (int pass = 0; pass < Passes; pass++)
        {
            for (int page = first; page < end; page++)
                yield return page;
        }
    }

    /// <summary>Random pages without end, for measuring one by one.</summary>
    public IEnumerable<int> PagesToProbe()
    {
        Random random = NewRandom(Purpose.Probe, worker: 0);
        while (true)
            yield return random.Next(PageCount);
    }

    /// <summary>Does to a copy of a page what the writing phase does to the page.</summary>
    public void ApplyEdits(int page, Span<byte> copy)
    {
        long start = Start(page);
        int low = 0;
        for (int high = _editsInOrder.Length; low < high;)
        {
            int middle = (low + high) / 2;
            if (_editsInOrder[middle].Start < start)
                low = middle + 1;
            else
                high = middle;
        }

        // XOR commutes, so the order of overlapping edits does not matter.
        for (; low < _editsInOrder.Length && _editsInOrder[low].Start < start + copy.Length; low++)
        {
            Edit edit = _editsInOrder[low];
            edit.Apply(copy.Slice((int)(edit.Start - start), edit.Length));
        }
    }

    // Every page is written by all workers, often at the same time; but each has a share of the page to itself, because
    // ordering accesses to one element is the caller's business, with a paged array as with any other.
    private Edit[] MakeEdits(int worker, int count)
    {
        Random random = NewRandom(Purpose.Edits, worker);
        List<Edit> edits = new(count);
        for (int i = 0; i < count; i++)
        {
            int page = random.Next(PageCount);
            (int first, int end) = Share(LengthOf(page), worker);
            if (first == end)
                continue;

            int offset = random.Next(first, end);
            int length = random.Next(1, Math.Min(LongestEdit, end - offset) + 1);
            edits.Add(new Edit(Start(page) + offset, length, (byte)random.Next(1, 256)));
        }

        return [.. edits];
    }

    private (int First, int End) Share(int count, int worker) =>
        ((int)((long)count * worker / _threads), (int)((long)count * (worker + 1) / _threads));

    private Random NewRandom(Purpose purpose, int worker) =>
        new(unchecked((((_seed * 16) + (int)purpose) * 1_000_003) + worker));
}
