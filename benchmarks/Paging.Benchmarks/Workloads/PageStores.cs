namespace Paging.Benchmarks.Workloads;

/// <summary>A pool filled by page numbers, through one of the two faces of the library.</summary>
internal interface IPageStore : IDisposable
{
    PagerStatistics Statistics { get; }

    /// <summary>Pages handed to the pool so far.</summary>
    long Stores { get; }

    /// <summary>Stores a page, in place of what the number had before.</summary>
    /// <exception cref="OutOfPagingSpaceException">It does not fit. The number may have lost its page before.</exception>
    void Put(int number, ReadOnlySpan<byte> page);

    void Drop(int number);

    void Get(int number, Span<byte> page);
}

/// <summary>Through <see cref="SwapSpace"/>: an overwriting is a free and a store.</summary>
internal sealed class SwapStore : IPageStore
{
    private const long LeastResident = 16L << 20; // unused, but a pager has some

    private readonly Pager _pager;
    private readonly SwapId[] _ids;

    public SwapStore(long poolBytes, int pageBytes, int numbers)
    {
        _ids = new SwapId[numbers];
        _pager = new Pager(new PagerOptions
        {
            ResidentBytes = LeastResident,
            PoolBytes = poolBytes,
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
    }

    public PagerStatistics Statistics => _pager.GetStatistics();

    public long Stores { get; private set; }

    public void Put(int number, ReadOnlySpan<byte> page)
    {
        Drop(number);
        _ids[number] = _pager.Swap.Store(page);
        Stores++;
    }

    public void Drop(int number)
    {
        if (_ids[number] != default)
        {
            _pager.Swap.Free(_ids[number]);
            _ids[number] = default;
        }
    }

    public void Get(int number, Span<byte> page) => _ = _pager.Swap.Load(_ids[number], page);

    public void Dispose() => _pager.Dispose();
}

/// <summary>Through a <see cref="PagedArray{T}"/> with few frames: overwriting a page evicts another.</summary>
internal sealed class ArrayStore : IPageStore
{
    private const int Frames = 64;

    private readonly Pager _pager;
    private readonly PagedArray<byte> _array;

    public ArrayStore(long poolBytes, int pageBytes, int numbers)
    {
        _pager = new Pager(new PagerOptions
        {
            ResidentBytes = (long)Frames * pageBytes,
            PoolBytes = poolBytes,
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        _array = _pager.Allocate<byte>((long)numbers * pageBytes);
    }

    public PagerStatistics Statistics => _pager.GetStatistics();

    public long Stores => Statistics.Evictions - Statistics.CleanEvictions;

    public void Put(int number, ReadOnlySpan<byte> page) => _array.CopyFrom((long)number * page.Length, page);

    public void Drop(int number) => _array.Discard((long)number * _array.PageLength, _array.PageLength);

    public void Get(int number, Span<byte> page) => _array.CopyTo((long)number * page.Length, page);

    public void Dispose()
    {
        _array.Dispose();
        _pager.Dispose();
    }
}

/// <summary>Fills a store and overwrites it at random, keeping it as full as it lets itself be.</summary>
/// <remarks>When a store throws, another page is freed and the next attempt made, so the library itself decides how full is full; the
/// level at which it last threw is held from then on, or the differing sizes of pages would let it sink. Every page stored is
/// unique by its first word, and a sample is read back.</remarks>
internal sealed class Overwriter
{
    private readonly IPageStore _store;
    private readonly PageSet _source;
    private readonly long[] _firstWords;
    private readonly Random _random;
    private readonly List<int> _live;
    private readonly Stack<int> _unused;
    private readonly (int Page, long FirstWord)[] _contents;
    private long _liveBytes;
    private long _level;
    private long _stamp;

    public Overwriter(IPageStore store, PageSet source, int numbers, int seed)
    {
        _store = store;
        _source = source;
        _firstWords = [.. Enumerable.Range(0, source.Count).Select(i => source.Longs(i)[0])];
        _random = new Random(seed);
        _live = new List<int>(numbers);
        _unused = new Stack<int>(Enumerable.Range(0, numbers).Reverse());
        _contents = new (int, long)[numbers];
    }

    public int Exceptions { get; private set; }

    /// <summary>Stores until so many bytes of LZ4 are in, or until the store is full.</summary>
    public void Fill(long encodedBytes)
    {
        try
        {
            while (_liveBytes < encodedBytes && _unused.Count > 0)
            {
                Put(_unused.Peek());
                _live.Add(_unused.Pop());
            }
        }
        catch (OutOfPagingSpaceException)
        {
        }

        _level = _liveBytes;
    }

    /// <summary>Overwrites until so many bytes of LZ4 have been stored.</summary>
    public void Overwrite(long encodedBytes)
    {
        while (encodedBytes > 0)
        {
            int number = _live[_random.Next(_live.Count)];
            _liveBytes -= _source.EncodedLengths[_contents[number].Page];
            encodedBytes -= PutMakingRoom(number);
            while (_liveBytes + _source.PageBytes <= _level && _unused.TryPop(out int added))
            {
                _live.Add(added);
                encodedBytes -= PutMakingRoom(added);
            }
        }
    }

    public void Verify(int samples)
    {
        byte[] read = new byte[_source.PageBytes];
        for (int i = 0; i < samples; i++)
        {
            int number = _live[_random.Next(_live.Count)];
            (int page, long firstWord) = _contents[number];
            _store.Get(number, read);
            _source.Longs(page)[0] = firstWord;
            _source.Verify(page, read, "a full pool");
        }
    }

    private int PutMakingRoom(int number)
    {
        while (true)
        {
            try
            {
                return Put(number);
            }
            catch (OutOfPagingSpaceException)
            {
                Exceptions++;
                _level = Math.Min(_level, _liveBytes);
                DropAnother(number);
            }
        }
    }

    private int Put(int number)
    {
        int page = _random.Next(_source.Count);
        long firstWord = _firstWords[page] ^ ++_stamp;
        _source.Longs(page)[0] = firstWord;
        _store.Put(number, _source.Bytes(page));
        _contents[number] = (page, firstWord);
        _liveBytes += _source.EncodedLengths[page];
        return _source.EncodedLengths[page];
    }

    private void DropAnother(int number)
    {
        if (_live.Count < 2)
        {
            throw new InvalidOperationException("The pool refuses a page when all others are freed.");
        }

        int index;
        do
        {
            index = _random.Next(_live.Count);
        }
        while (_live[index] == number);

        int dropped = _live[index];
        _live[index] = _live[^1];
        _live.RemoveAt(_live.Count - 1);
        _store.Drop(dropped);
        _unused.Push(dropped);
        _liveBytes -= _source.EncodedLengths[_contents[dropped].Page];
    }
}
