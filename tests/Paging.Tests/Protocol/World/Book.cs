#if DEBUG
using Paging.Residency;

namespace Paging.Tests.Protocol;

/// <summary>An array of the world with the history of what was written to it.</summary>
/// <remarks>The first elements of each page are slots, which one thread each writes; the rest is a background that only a thread that owns the
/// page changes. Every access checks what it finds.</remarks>
internal sealed unsafe class Book
{
    internal const int Slots = 4;

    private readonly World _world;
    private readonly History[] _histories;
    private readonly RowGatherer _gatherer;

    internal Book(World world, int pages, int pageBytes, PageFilter? filter = null)
        : this(
            world,
            world.Pager.Allocate<long>(
                (long)pages * (pageBytes / sizeof(long)), new PagedArrayOptions { PageBytes = pageBytes, Name = "book", Filter = filter }))
    {
    }

    private Book(World world, PagedArray<long> array)
    {
        _world = world;
        Array = array;
        _histories = new History[Pages * (Slots + 1)];
        Divider divider = Geometry.ForElements<long>(Array.Length, Array.PageBytes).Divider;
        _gatherer = new RowGatherer(Region, divider, Array.Length, PageLength, sizeof(long));
    }

    /// <summary>A book that is mapped from a file, where these salts tell what its pages hold.</summary>
    internal static Book Map(World world, PagedArray<long> array, ReadOnlySpan<long> salts)
    {
        var book = new Book(world, array);
        for (int page = 0; page < salts.Length; page++)
        {
            long[] contents = Contents.Page(salts[page], book.PageLength);
            Write(book.Histories(page), [.. contents[..Slots], salts[page]], static () => { });
        }

        return book;
    }

    /// <summary>Clones the book. Each element of the clone is what it was here at some moment meanwhile.</summary>
    internal Book Clone()
    {
        int[] from = [.. _histories.Select(static history => history?.Done ?? 0)];
        PagedArray<long> array = Array.Clone();
        var clone = new Book(_world, array);
        for (int i = 0; i < from.Length; i++)
        {
            clone._histories[i] = _histories[i]?.Fork(from[i])!;
        }

        return clone;
    }

    internal PagedRegion Region => Internals.Pages(Array).Region;

    internal PagedArray<long> Array { get; }

    internal int Pages => (int)Array.PageCount;

    private int PageLength => Array.PageLength;

    internal ulong Word(int page) => Region.Load(page);

    internal PageState State(int page) => PageWord.State(Word(page));

    internal bool IsDirty(int page) => State(page) == PageState.Resident && (Word(page) & PageWord.Dirty) != 0;

    /// <summary>Reads an element by value.</summary>
    internal long Get(int page, int element)
    {
        int from = HistoryOf(page, element).Done;
        long found = Array[Index(page, element)];
        Check(page, element, from, found);
        return found;
    }

    /// <summary>Reads a slot and some of the background through a lease, with time to spare in between.</summary>
    internal void ReadLease(int page)
    {
        using ReadLease<long> lease = Array.Read(Index(page, 0));
        foreach (int element in (ReadOnlySpan<int>)[0, 1, Slots, PageLength - 1])
        {
            int from = HistoryOf(page, element).Done;
            Check(page, element, from, lease.Span[element]);
            _world.Run.Step();
        }
    }

    /// <summary>Reads several pages that are pinned at once, with time to spare in between.</summary>
    internal void ReadSequence(int page, int pages)
    {
        int[] from = [.. Enumerable.Range(page, pages).SelectMany(Histories).Select(static history => history.Done)];
        using PagedSequence<long> sequence = Array.ReadSequence(Index(page, 0), pages * (long)PageLength);
        int at = 0;
        foreach (ReadOnlyMemory<long> part in sequence.Sequence)
        {
            foreach (int element in (ReadOnlySpan<int>)[1, Slots, PageLength - 1])
            {
                Check(page + at, element, from[(at * (Slots + 1)) + Math.Min(element, Slots)], part.Span[element]);
            }

            at++;
            _world.Run.Step();
        }

        Assert.Equal(pages, at);
    }

    /// <summary>As <see cref="ReadLease"/>, if the page is in a frame.</summary>
    internal bool TryReadLease(int page)
    {
        int from = HistoryOf(page, 1).Done;
        int background = HistoryOf(page, PageLength - 1).Done;
        if (!Array.TryRead(Index(page, 0), out ReadLease<long> lease))
        {
            return false;
        }

        using (lease)
        {
            Check(page, 1, from, lease.Span[1]);
            _world.Run.Step();
            Check(page, PageLength - 1, background, lease.Span[PageLength - 1]);
        }

        return true;
    }

    /// <summary>Copies the page out and checks all of it.</summary>
    internal void Copy(int page) => Copy(page, 1);

    /// <summary>Copies pages out at once and checks all of them.</summary>
    internal void Copy(int page, int pages)
    {
        int[] from = [.. Enumerable.Range(page, pages).SelectMany(Histories).Select(static history => history.Done)];
        long[] found = new long[pages * PageLength];
        Array.CopyTo(Index(page, 0), found);
        for (int i = 0; i < found.Length; i++)
        {
            (int at, int element) = Math.DivRem(i, PageLength);
            Check(page + at, element, from[(at * (Slots + 1)) + Math.Min(element, Slots)], found[i]);
        }
    }

    /// <summary>Gathers elements as a matrix of one column does its rows.</summary>
    internal void Gather(ReadOnlySpan<(int Page, int Element)> places)
    {
        long[] rows = new long[places.Length];
        int[] from = new int[places.Length];
        for (int i = 0; i < places.Length; i++)
        {
            rows[i] = Index(places[i].Page, places[i].Element);
            from[i] = HistoryOf(places[i].Page, places[i].Element).Done;
        }

        long[] found = new long[places.Length];
        Region.AwaitOpen();
        fixed (long* wanted = rows, destination = found)
        {
            _gatherer.Gather(wanted, rows.Length, (byte*)destination);
        }

        for (int i = 0; i < places.Length; i++)
        {
            Check(places[i].Page, places[i].Element, from[i], found[i]);
        }
    }

    /// <summary>Copies a part of the page over itself.</summary>
    internal void CopyPart(int page)
    {
        long[] part = new long[Slots];
        Array.CopyTo(Index(page, 0), part);
        Array.CopyFrom(Index(page, 0), part);
    }

    internal void Set(int page, int slot, long value) =>
        Write([HistoryOf(page, slot)], [value], () => Array[Index(page, slot)] = value);

    /// <summary>Writes a slot through a lease that stays out for a while.</summary>
    internal void WriteLease(int page, int slot, long value)
    {
        History history = HistoryOf(page, slot);
        using WriteLease<long> lease = Array.Write(Index(page, slot), 1);
        _world.Run.Step();
        history.Begin(value);
        lease.Span[0] = value;
        history.End();
        _world.Run.Step();
        Assert.Equal(value, lease.Span[0]);
    }

    /// <summary>Writes the whole page. For its owner.</summary>
    internal void Overwrite(int page, long salt)
    {
        long[] contents = Contents.Page(salt, PageLength);
        Write(Histories(page), [.. contents[..Slots], salt], () => Array.CopyFrom(Index(page, 0), contents));
    }

    /// <summary>As <see cref="Overwrite"/>; false when there is no room.</summary>
    internal bool TryOverwrite(int page, long salt)
    {
        try
        {
            Overwrite(page, salt);
            return true;
        }
        catch (OutOfPagingSpaceException)
        {
            return false;
        }
    }

    /// <summary>Fills the whole page with one value. For its owner.</summary>
    internal void Fill(int page, int number)
    {
        long salt = Contents.SameFilled(number);
        Write(Histories(page), [salt, salt, salt, salt, salt], () => Array.Fill(Index(page, 0), PageLength, salt));
    }

    /// <summary>Drops the page. For its owner.</summary>
    internal void Discard(int page) =>
        Write(Histories(page), [0, 0, 0, 0, 0], () => Array.Discard(Index(page, 0), PageLength));

    /// <summary>Drops all pages in one call. For the owner of all.</summary>
    internal void DiscardAll()
    {
        History[] all = [.. Enumerable.Range(0, Pages).SelectMany(Histories)];
        Write(all, new long[all.Length], () => Array.Discard(0, Array.Length));
    }

    internal EvictOutcome Evict(int page)
    {
        ulong word = Word(page);
        return PageWord.IsResident(word)
            ? _world.EvictFrame(Region.Frames, Internals.FrameOf(Region.Frames, word))
            : EvictOutcome.Busy;
    }

    /// <summary>Fills a page, and takes it out, so that it is stored.</summary>
    internal void Store(int page, long salt)
    {
        Overwrite(page, salt);
        Assert.Equal(EvictOutcome.Freed, Evict(page));
    }

    /// <summary>Fills a page, stores it and reads it back, so that it is resident and clean, with a stored copy.</summary>
    internal void StoreAndLoad(int page, long salt)
    {
        Store(page, salt);
        ReadLease(page);
        Assert.False(IsDirty(page));
    }

    internal void CheckAll()
    {
        long[] elements = new long[PageLength];
        for (int page = 0; page < Pages; page++)
        {
            if (_histories.AsSpan(page * (Slots + 1), Slots + 1).ContainsAnyExcept((History)null!))
            {
                Assert.All(Histories(page), static history => Assert.True(history.IsSettled));
                Copy(page);
            }
            else
            {
                // Nobody has had to do with it: in long arrays most are such.
                int length = (int)Math.Min(PageLength, Array.Length - Index(page, 0));
                Array.CopyTo(Index(page, 0), elements.AsSpan(0, length));
                Assert.Equal(-1, elements.AsSpan(0, length).IndexOfAnyExcept(0));
            }
        }
    }

    private static void Write(History[] histories, long[] values, Action write)
    {
        for (int i = 0; i < histories.Length; i++)
        {
            histories[i].Begin(values[i]);
        }

        try
        {
            write();
        }
        catch (Exception refused)
            when (refused is OutOfPagingSpaceException or PageCorruptedException or ObjectDisposedException
            or ThreadInterruptedException or OutOfMemoryException)
        {
            System.Array.ForEach(histories, static history => history.Abandon());
            throw;
        }

        System.Array.ForEach(histories, static history => history.End());
    }

    private void Check(int page, int element, int from, long found)
    {
        History history = HistoryOf(page, element);
        bool allowed = element < Slots
            ? history.Allows(from, static value => value, found)
            : history.Allows(from, salt => Contents.Element(salt, element), found);
        Must.Hold(allowed, $"page {page}, element {element} reads {found:x}; allowed is what comes from {history.Describe(from)}");
    }

    private long Index(int page, int element) => ((long)page * PageLength) + element;

    private History HistoryOf(int page, int element) =>
        _histories[(page * (Slots + 1)) + Math.Min(element, Slots)] ??= new History();

    private History[] Histories(int page) => [.. Enumerable.Range(0, Slots + 1).Select(i => HistoryOf(page, i))];
}
#endif
