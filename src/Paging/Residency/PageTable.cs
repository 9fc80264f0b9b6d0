using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The linear table of an array: its memory, what of that is in use, and what is counted and charged for it.</summary>
/// <remarks>
/// First stand the words of the pages. Behind them stand a mark for each granule (<see cref="GranuleWord"/>), and a byte for each block of
/// granules, which says whether one of the block was ever touched. A table of one granule has neither: its mark is a field.
///
/// A field of <see cref="PageDirectory"/>, which decides what is in the table. Never copied.
/// </remarks>
internal unsafe struct PageTable
{
    /// <summary>The logarithm of the words in a granule.</summary>
    internal const int GranuleShift = 9;

    internal const int GranuleBytes = sizeof(ulong) << GranuleShift;
    private const int MarkBytes = sizeof(ulong);

    /// <summary>The logarithm of the granules that share a mark of their own, so that untouched ones are passed over quickly.</summary>
    private const int BlockShift = 9;
    private const int BlockBytes = MarkBytes << BlockShift;

    private readonly PagingDomain _domain;
    private readonly TableHome _home;
    private readonly long _takenBytes;
    private readonly byte _pageShift;

    /// <summary>Written by the thread that sweeps: unlike the other steps of closing, a table is closed once.</summary>
    private bool _isClosed;

    /// <summary>The mark of the granule where there is only one: most arrays are small, and there are many.</summary>
    private int _onlyMark;

    /// <summary>Memory of the table, counted in the pager's.</summary>
    private long _bytes;

    /// <summary>What the collector has been told of the array.</summary>
    private long _toldBytes;

    /// <exception cref="InsufficientMemoryException">The system refuses memory.</exception>
    internal PageTable(PagingDomain domain, FrameClass frames, long pageCount)
    {
        _domain = domain;
        _pageShift = (byte)frames.PageShift;
        PageCount = pageCount;
        long marks = IsSmall ? 0 : (Granules * MarkBytes) + ((Granules - 1) >> BlockShift) + 1;
        long words = IsSmall ? PageCount * sizeof(ulong) : Granules * GranuleBytes;
        Words = (ulong*)domain.Tables.Take(words + marks, out _home, out _takenBytes);
        try
        {
            if (marks != 0)
            {
                _home.MakeWritable((byte*)Words + words, marks);
            }
        }
        catch
        {
            Undo();
            throw;
        }
    }

    /// <summary>The words of the pages. Not every page's word is there: see <see cref="PageDirectory.Find"/>.</summary>
    internal ulong* Words { get; }

    internal long PageCount { get; }

    internal readonly long Granules => ((PageCount - 1) >> GranuleShift) + 1;

    /// <summary>Whether there is only one granule, whose words are in the table throughout.</summary>
    internal readonly bool IsSmall => PageCount <= 1 << GranuleShift;

    /// <summary>Whether the memory of the table was given back. Its addresses stay until <see cref="GiveBack"/>.</summary>
    internal readonly bool IsClosed => _isClosed;

    private readonly ulong* Marks => Words + (Granules << GranuleShift);

    /// <summary>Whether a word is in the table, and not in a node.</summary>
    internal readonly bool Contains(ulong* page) => page >= Words && page < Words + PageCount;

    /// <summary>The granule that a word of the table lies in.</summary>
    /// <returns>How many words that is, from <paramref name="first"/> on.</returns>
    internal readonly int PartOf(ulong* page, out ulong* first)
    {
        long index = (page - Words) >> GranuleShift << GranuleShift;
        first = Words + index;
        return (int)Math.Min(1L << GranuleShift, PageCount - index);
    }

    /// <summary>Where the first word of a granule is.</summary>
    internal readonly ulong* WordsOf(long granule) => Words + (granule << GranuleShift);

    /// <summary>Where the mark of a granule is. There is none where there is only one granule.</summary>
    internal readonly ulong* MarkOf(long granule) => Marks + granule;

    /// <summary>Marks the only granule as used, and makes it writable. Before the first CAS on a page's word, which makes it
    /// visible.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses memory. Nothing has changed.</exception>
    internal void TouchOnly()
    {
        if (Shared.Read(SharedWord.PageTable, ref _onlyMark) == 0)
        {
            // Before the mark: a thread that finds the mark set writes.
            TestHook.MayFail(FailurePoint.TableMemory);
            _home.MakeWritable((byte*)Words, _takenBytes);
            if (Shared.Exchange(SharedWord.PageTable, ref _onlyMark, 1) == 0)
            {
                Charge(_takenBytes);
            }
        }
    }

    /// <summary>Marks the block of a granule as used. A full fence the first time, before the first lock of a granule of the block. The
    /// look at whether the array is closed comes after that (rule 4).</summary>
    internal void TouchBlock(long granule)
    {
        if (Shared.Read(SharedWord.PageTable, BlockMark(granule)) == 0)
        {
            // Other blocks' bytes are beside it. The thread that sets it first counts the memory of the marks.
            if (Shared.Exchange(SharedWord.PageTable, BlockMark(granule), 1) == 0)
            {
                Charge(BlockBytes);
            }
        }
    }

    /// <summary>The first granule from here on, and below <paramref name="end"/>, in which there may be anything; −1 when there is
    /// none.</summary>
    /// <remarks>A thread that touches a granule sets the block's mark, and then locks the granule, with a full fence after that (rule
    /// 4).</remarks>
    internal long NextTouched(long granule, long end)
    {
        if (IsSmall)
        {
            TestHook.Reach(SharedWord.PageTable);
            return granule < end && Volatile.Read(ref _onlyMark) != 0 ? granule : -1;
        }

        while (granule < end)
        {
            if (Shared.Read(SharedWord.PageTable, BlockMark(granule)) == 0)
            {
                granule = ((granule >> BlockShift) + 1) << BlockShift;
                continue;
            }

            if (GranuleWord.IsUsed(GranuleWord.Load(MarkOf(granule))))
            {
                return granule;
            }

            granule++;
        }

        return -1;
    }

    /// <summary>Makes the words of a granule writable. What is charged for that comes later (<see cref="Charge"/>), when the granule is
    /// unlocked.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses memory. Nothing has changed.</exception>
    internal readonly void MakeWritable(long granule)
    {
        TestHook.MayFail(FailurePoint.TableMemory);
        _home.MakeWritable((byte*)WordsOf(granule), GranuleBytes);
    }

    /// <summary>As <see cref="MakeWritable"/>, for neighbouring granules whose words are about to be written, all of them: brings their
    /// memory in.</summary>
    internal readonly void Populate(long granule, int count)
    {
        TestHook.MayFail(FailurePoint.TableMemory);
        _home.Populate((byte*)WordsOf(granule), (long)count * GranuleBytes);
    }

    /// <summary>Gives the memory of neighbouring granules back: their words read as zeroes, and stay writable.</summary>
    /// <returns>False when the system keeps it.</returns>
    internal readonly bool TryDrop(long granule, int count) => _home.TryDrop((byte*)WordsOf(granule), (long)count * GranuleBytes);

    /// <summary>Counts memory as this table's, in the pager's figures and in what the collector is told.</summary>
    internal void Charge(long change)
    {
        Interlocked.Add(ref _bytes, change);
        _domain.CountTableBytes(change);
        _domain.Pressure.Set(ref _toldBytes, Math.Min(Volatile.Read(ref _bytes) / sizeof(ulong), PageCount) << _pageShift);
    }

    /// <summary>Counts nothing as this table's any more.</summary>
    internal void Discharge()
    {
        _domain.CountTableBytes(-Interlocked.Exchange(ref _bytes, 0));
        _domain.Pressure.Set(ref _toldBytes, 0);
    }

    /// <summary>Gives the memory back, the first time, and keeps the addresses.</summary>
    internal void Close()
    {
        if (!_isClosed)
        {
            _isClosed = true;
            _domain.Tables.Close(_home, (byte*)Words, _takenBytes);
        }
    }

    /// <summary>Gives the addresses of a closed table back. By the array's finalizer.</summary>
    internal readonly void GiveBack() => _domain.Tables.GiveBack(_home, (byte*)Words, _takenBytes);

    /// <summary>Gives back what the constructor has taken: no array ever used it.</summary>
    internal readonly void Undo() => TableMemory.Undo(_home, (byte*)Words, _takenBytes);

    private readonly byte* BlockMark(long granule) => (byte*)(Marks + Granules) + (granule >> BlockShift);
}
