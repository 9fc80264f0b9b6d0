namespace Paging.Codecs;

/// <summary>When a <see cref="FilterChooser"/> is to try something, and the account that pays for it.</summary>
/// <remarks>
/// The account counts bytes encoded for trial. It starts with a few pages' worth, and each page stored adds an eightieth of itself. Nothing
/// here looks at a clock, so that the same pages are stored the same way every time.
///
/// Every thread that stores a page calls <see cref="Note"/>, without a lock: threads may overwrite each other's values, which costs a trial
/// too early or too late. What only the thread that has entered the chooser may call says so.
/// </remarks>
internal struct TrialPace()
{
    /// <summary>Pages whose encoding the account pays for at the start; it never holds more.</summary>
    private const int MaxPages = 30;

    /// <summary>A page stored adds this share of itself.</summary>
    private const int EarnedShare = 80;

    /// <summary>This share of what is earned is put by for surveys.</summary>
    private const int SavedShare = 4;

    /// <summary>Pages between two challenges while the account is full; more as it empties.</summary>
    private const int PagesBetween = 3;

    /// <summary>A strange page counts as this many pages.</summary>
    private const int StrangeWeight = 4;

    /// <summary>The least number of pages between two surveys. Each survey doubles it, until the account is full again.</summary>
    private const int MinGap = 24;

    /// <summary>It is not doubled beyond this.</summary>
    private const int MaxGap = 256;

    /// <summary>Challenges before a survey is due.</summary>
    private const int ChallengesBetween = 16;

    /// <summary>Pages at the start each of which is a challenge.</summary>
    private const int SettlingPages = 4;

    /// <summary>A page is strange, and says that the data has changed, if it differs from the usual by more than this share of it
    /// …</summary>
    private const int StrangeShare = 8;

    /// <summary>… and by more than this many times what pages usually differ by.</summary>
    private const int StrangeSpread = 2;

    /// <summary>This many strange pages are worth a survey.</summary>
    private const int StrangePages = 2;

    /// <summary>A page that takes less than this share of the usual says nothing about the others.</summary>
    private const int Telling = 8;

    /// <summary>A page that takes more than this many times what the page of the last survey took calls for another survey at
    /// once.</summary>
    private const int Jump = 3;

    /// <summary>Stored lengths are compared per this many bytes of page.</summary>
    private const int UsualUnit = 1 << 10;

    /// <summary>A page that takes less than this per <see cref="UsualUnit"/> takes next to nothing. A difference below it does not
    /// matter.</summary>
    private const int Trivial = UsualUnit / 32;

    /// <summary>Whether the first page has come.</summary>
    private bool _isStarted;

    /// <summary>Bytes that trials may still encode. Every thread that stores adds to it; the thread that has entered spends it.</summary>
    private long _credit;

    /// <summary>Bytes put by for the next survey.</summary>
    private long _savings;

    /// <summary>What a <see cref="UsualUnit"/> of recent pages took when stored.</summary>
    private int _usual;

    /// <summary>How far recent pages were from it.</summary>
    private int _spread;

    /// <summary>Pages stored since the last trial; a strange page counts several times.</summary>
    private int _quiet;

    /// <summary>Whether they are enough for the next trial.</summary>
    private bool _isDue;

    /// <summary>Pages stored since the last survey.</summary>
    private int _sinceSurvey;

    /// <summary>Pages that must lie between the last survey and the next.</summary>
    private int _gap = MinGap;

    /// <summary>Strange pages since the last survey.</summary>
    private int _strange;

    /// <summary>Pages at the start that are still to be challenges. Written by the thread that has entered.</summary>
    private int _settling;

    /// <summary>What the page of the last survey took. Of the thread that has entered.</summary>
    private int _surveyed;

    /// <summary>Whether the last page stored took next to nothing.</summary>
    private bool _wasTrivial;

    internal readonly bool IsStarted => Volatile.Read(in _isStarted);

    /// <summary>Whether a trial is called for and can be paid for.</summary>
    internal readonly bool IsDue => !IsStarted || Volatile.Read(in _isDue);

    /// <summary>Whether there is anything left to pay with.</summary>
    internal readonly bool CanPay => Volatile.Read(in _credit) > 0;

    /// <summary>Whether the next page is to be tried as one that takes next to nothing: the page before did, and there is credit.</summary>
    internal readonly bool ExpectsTrivial => Volatile.Read(in _wasTrivial) && CanPay;

    /// <summary>What a page stored as this many bytes takes per <see cref="UsualUnit"/>; −1 bytes stand for all of the page.</summary>
    internal static int StoredFor(int length, int encoded) => (int)((long)(encoded < 0 ? length : encoded) * UsualUnit / length);

    /// <summary>A page stored in fewer bytes takes next to nothing.</summary>
    internal static int TrivialLength(int length) => length * Trivial / UsualUnit;

    /// <summary>The length of the piece of a page that a survey encodes behind each candidate.</summary>
    internal static int PieceFor(int length) => length < 4 << 10 ? length : Math.Clamp(length / 4, 2 << 10, 16 << 10);

    /// <summary>At the first page, and when the goal has changed: what was found is forgotten. By the thread that has entered.</summary>
    internal void Start(int length)
    {
        Volatile.Write(ref _isStarted, true);
        _settling = SettlingPages;
        Volatile.Write(ref _credit, Math.Max(_credit, (long)MaxPages * length));
    }

    internal void Spend(int bytes) => Volatile.Write(ref _credit, Volatile.Read(ref _credit) - bytes);

    /// <summary>Keeps account of a page that was encoded with the filter in use.</summary>
    /// <param name="length">Of the page.</param>
    /// <param name="encoded">What it takes stored; −1 for all of it.</param>
    /// <param name="candidates">That the last survey tried.</param>
    internal void Note(int length, int encoded, int candidates)
    {
        long max = (long)MaxPages * length;
        int earned = length / EarnedShare;
        long savings = Volatile.Read(ref _savings);
        if (savings < SurveyCost(length, candidates))
        {
            // Some is put by: otherwise challenges would leave nothing for a survey when the data changes.
            Volatile.Write(ref _savings, savings + (earned / SavedShare));
            earned -= earned / SavedShare;
        }

        long credit = Volatile.Read(ref _credit) + earned;
        if (credit >= max)
        {
            credit = max;
            Volatile.Write(ref _gap, MinGap);
        }

        Volatile.Write(ref _credit, credit);
        Volatile.Write(ref _sinceSurvey, Volatile.Read(ref _sinceSurvey) + 1);
        int stored = StoredFor(length, encoded);
        if (stored < Trivial != Volatile.Read(ref _wasTrivial))
        {
            Volatile.Write(ref _wasTrivial, stored < Trivial);
        }

        if (stored < Trivial)
        {
            return;
        }

        int usual = Volatile.Read(ref _usual);
        if (usual == 0)
        {
            Volatile.Write(ref _usual, Math.Max(1, stored));
            return;
        }

        int weight = 1;
        int difference = stored - usual;
        int spread = Volatile.Read(ref _spread);
        Volatile.Write(ref _spread, spread + ((Math.Abs(difference) - spread) / 8));
        if (Math.Abs(difference) > Math.Max(Math.Max(usual / StrangeShare, StrangeSpread * spread), Trivial))
        {
            Volatile.Write(ref _strange, Volatile.Read(ref _strange) + 1);
            weight = StrangeWeight;
        }

        Volatile.Write(ref _usual, Math.Max(1, usual + (difference / 8)));
        Volatile.Write(ref _quiet, Volatile.Read(ref _quiet) + weight);

        // The more credit is left, the sooner: half of it is spent while it is most needed, and it never quite runs out.
        bool wantsChallenge = Volatile.Read(ref _settling) > 0 || Volatile.Read(ref _quiet) * credit >= PagesBetween * max;
        Volatile.Write(ref _isDue, credit > 0 && wantsChallenge);
    }

    /// <summary>A page that was expected to take next to nothing takes more: the attempt is paid for, and the next page is encoded in
    /// full.</summary>
    internal void NoteNotTrivial(int length)
    {
        Volatile.Write(ref _wasTrivial, false);
        Spend(length / 4);
    }

    /// <summary>A page is being tried: the count of pages until the next trial begins anew. By the thread that has entered.</summary>
    internal void NoteTrial() => Volatile.Write(ref _quiet, 0);

    /// <summary>One of the first pages has been a challenge. By the thread that has entered.</summary>
    internal void NoteChallenged() => _settling = Math.Max(0, _settling - 1);

    /// <summary>Whether filters are to be tried on a page that takes this much. For a page that takes far less than the others, the choice
    /// hardly matters: the others make up the total.</summary>
    internal readonly bool IsTelling(int stored) => stored >= Trivial && stored * Telling >= Volatile.Read(in _usual);

    /// <summary>Begins a survey at the first page, when pages have become strange, and now and then. By the thread that has
    /// entered.</summary>
    /// <param name="length">Of the page.</param>
    /// <param name="stored">What it takes, as <see cref="StoredFor"/> says.</param>
    /// <param name="hasNewLag">Whether its records have another length than at the last survey.</param>
    /// <param name="candidates">That the last survey tried; 0 when there was none.</param>
    /// <param name="challenges">Since the last survey.</param>
    internal bool TryBeginSurvey(int length, int stored, bool hasNewLag, int candidates, int challenges)
    {
        bool wanted = Volatile.Read(ref _strange) >= StrangePages
            || challenges >= ChallengesBetween
            || stored > Jump * _surveyed;
        wanted = (hasNewLag && _sinceSurvey >= _gap / 2) || (wanted && _sinceSurvey >= _gap);
        bool affordable = _credit + _savings >= SurveyCost(length, candidates);
        if (candidates != 0 && !(wanted && affordable))
        {
            return false;
        }

        Volatile.Write(ref _credit, _credit + Interlocked.Exchange(ref _savings, 0));
        _gap = Math.Min(2 * _gap, MaxGap);
        Volatile.Write(ref _sinceSurvey, 0);
        Volatile.Write(ref _strange, 0);
        _surveyed = stored;
        return true;
    }

    /// <summary>Bytes that a survey encodes, and the challenge after it.</summary>
    private static long SurveyCost(int length, int candidates) => ((long)candidates * PieceFor(length)) + length;
}
