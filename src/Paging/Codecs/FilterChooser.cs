using System.Runtime.CompilerServices;
using Paging.Codecs.Filters;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Codecs;

/// <summary>Finds the filter that suits an owner's pages, by trying, and goes on trying as they change.</summary>
/// <remarks>
/// Two kinds of trial, both on pages that are about to be stored. A survey encodes a piece of the page behind every candidate and ranks them:
/// at the first page, when pages suddenly shrink more or less than they used to, and now and then. A challenge encodes a whole page behind one
/// of the best ranked beside the filter in use; the smaller of the two is stored, and one that keeps winning takes over.
///
/// What it costs is bounded by an account in bytes encoded for trial: it starts with a few pages' worth, and each page stored adds an eightieth of
/// itself. Nothing here looks at a clock, so that the same pages are stored the same way every time.
///
/// One thread's at a time, by <see cref="TryEnter"/>; what <see cref="Note"/> writes is loose, and shared.
/// </remarks>
internal sealed unsafe partial class FilterChooser
{
    /// <summary>Pages whose encoding the account pays for at the start, and the most that it holds.</summary>
    private const int MostPages = 30;

    /// <summary>A page stored adds this share of itself.</summary>
    private const int EarnedShare = 80;

    /// <summary>Of which this share is put by for surveys.</summary>
    private const int SavedShare = 4;

    /// <summary>Pages between two challenges while the account is full; more as it empties. Strange pages count several times.</summary>
    private const int PagesBetween = 3;
    private const int StrangeWeight = 4;

    /// <summary>Pages between two surveys at least: doubled by each, until the account is full again.</summary>
    private const int ShortestGap = 24;
    private const int LongestGap = 256;

    /// <summary>Challenges before a survey is due.</summary>
    private const int ChallengesBetween = 16;

    /// <summary>Pages at the start that each are a challenge.</summary>
    private const int SettlingPages = 4;

    /// <summary>Contenders that are challenged in turn.</summary>
    private const int Ranked = 4;

    /// <summary>A page that differs from those before it by more than this share of their size says that the data has changed.</summary>
    private const int StrangeShare = 8;

    /// <summary>And by so many times what they differ from one another.</summary>
    private const int StrangeSpread = 2;

    /// <summary>So many strange pages are worth a survey.</summary>
    private const int StrangePages = 2;

    /// <summary>A page that takes less than this share of what the others take says nothing about them.</summary>
    private const int Telling = 8;

    /// <summary>Stored for a <see cref="UsualUnit"/>: a page that takes less is next to nothing, and so is such a difference.</summary>
    private const int Trivial = UsualUnit / 32;

    /// <summary>A page that takes so many times what the one of the last survey took calls for another at once.</summary>
    private const int Jump = 3;

    /// <summary>Stored lengths are compared for so many bytes of page.</summary>
    private const int UsualUnit = 1 << 10;

    private readonly Contender[] _contenders = new Contender[Candidates.Most];
    private readonly Contender[] _before = new Contender[Candidates.Most];
    private readonly int _elementBytes;
    private readonly int _stride;
    private int _count;
    private int _countBefore;
    private int _busy;

    /// <summary>That of the thread that has entered.</summary>
    private CodecScratch? _scratch;

    /// <summary>The filter in use, packed as in a stored form. Written by the thread that has entered, read by all.</summary>
    private uint _published = CompressionPolicy.Pack(Filter.None);

    /// <summary>Whether the first page has come.</summary>
    private bool _isStarted;

    /// <summary>Bytes that trials may still encode. Earned by every thread that stores, loosely; spent by the one that tries.</summary>
    private long _credit;

    /// <summary>The same, put by for the next survey. Loose.</summary>
    private long _savings;

    /// <summary>What a <see cref="UsualUnit"/> of recent pages took when stored. Loose.</summary>
    private int _usual;

    /// <summary>How far recent pages were from it. Loose.</summary>
    private int _spread;

    /// <summary>Pages stored since the last trial, strange ones several times. Loose.</summary>
    private int _quiet;

    /// <summary>Whether they are enough for the next one. Loose.</summary>
    private bool _isDue;

    /// <summary>Pages stored since the last survey. Loose.</summary>
    private int _sinceSurvey;
    private int _gap = ShortestGap;

    /// <summary>Pages since the last survey that differed from the usual. Loose.</summary>
    private int _strange;

    private int _challenges;
    private int _next;
    private int _settling;
    private int _surveyed;

    /// <summary>The record length that the last survey went by, and that of the last trial.</summary>
    private int _lag;
    private int _seenLag;

    /// <summary>Whether the last page stored took next to nothing. Loose.</summary>
    private bool _wasTrivial;
    private CompressionGoal _goal;

    internal FilterChooser(int elementBytes)
    {
        _elementBytes = elementBytes;
        _stride = StrideFor(elementBytes);
    }

    /// <summary>The filter in use. Read by who has entered.</summary>
    internal Filter Chosen { get; private set; } = Filter.None;

    /// <summary>The same, for everybody, as of the last time that somebody left.</summary>
    internal Filter Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => StoredForm.Unpack(Shared.Read(SharedWord.Counter, ref _published)).Filter;
    }

    /// <summary>Another for an owner that has used this one so far, which goes on from what this one has chosen.</summary>
    internal FilterChooser Successor()
    {
        Filter current = Current;
        return new FilterChooser(_elementBytes) { Chosen = current, _published = CompressionPolicy.Pack(current) };
    }

    /// <summary>Bytes encoded for trial. For tests and benchmarks, when no thread is at work.</summary>
    internal long TriedBytes { get; private set; }

    /// <summary>The longest stride that a filter can have and that divides the element.</summary>
    internal static int StrideFor(int elementBytes)
    {
        if (elementBytes <= Filter.MaxStride)
        {
            return Math.Max(1, elementBytes);
        }

        int stride = Filter.MaxStride;
        while (elementBytes % stride != 0)
        {
            stride--;
        }

        return stride;
    }

    /// <summary>The numbers that an element is taken to consist of.</summary>
    internal static int LaneFor(int stride) => Math.Min(8, stride & -stride);

    /// <summary>Whether a trial is called for and can be paid for.</summary>
    internal bool IsDue
    {
        get
        {
            TestHook.Reach(SharedWord.Counter);
            return !Volatile.Read(ref _isStarted) || Volatile.Read(ref _isDue);
        }
    }

    /// <summary>0 → 1: races with other threads that store pages of the same owner. Acquires what the one before left.</summary>
    internal bool TryEnter()
    {
        if (Shared.Read(SharedWord.Counter, ref _busy) != 0 || CodecScratch.Enter() is not { } scratch)
        {
            return false;
        }

        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
        {
            CodecScratch.Exit();
            return false;
        }

        _scratch = scratch;
        return true;
    }

    internal void Exit()
    {
        TestHook.Reach(SharedWord.Counter);
        _scratch = null;
        CodecScratch.Exit();
        Volatile.Write(ref _published, CompressionPolicy.Pack(Chosen));
        Shared.Write(SharedWord.Counter, ref _busy, 0);
    }
}
