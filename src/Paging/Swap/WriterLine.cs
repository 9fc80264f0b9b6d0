using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The threads that have found no writer of a log, in the order in which they came.</summary>
/// <remarks>
/// A writer that is given back is free, and whoever comes first has it: mostly the thread that had it, which would keep the others from it
/// for ever. So a writer is handed to the first in line, without being free in between, when pages of <see cref="TurnBytes"/> have gone
/// through it while threads stood there. Not with each page: to wake a thread takes longer than to store a short one.
/// Who comes into line behind n others has a writer after n + 1 of them have been handed over, if not before: meanwhile the others store
/// so many turns there, and what is left of one with each writer.
/// The first in line looks for a free writer again and again, and naps in between; the others sleep until they are the first, or are handed
/// a writer. So no wake-up depends on what a thread sees that gives a writer back: one that misses a thread that is just joining makes its
/// wait longer by one page. That is why giving back needs no fence before the look at the line, and wakes nobody before a turn is over.
/// Whoever has a writer, or has been handed one and is yet to wake, waits for nobody who waits for one.
/// </remarks>
/// <param name="log">The log.</param>
internal sealed partial class WriterLine(SegmentLog log)
{
    /// <summary>What a use of a writer counts for at least, in bytes.</summary>
    internal const int LeastBytes = 4 << 10;

    /// <summary>How often a thread looks for a writer before it stands in line, and again as the first there before it naps: from the end
    /// of one store to that of the next takes not much longer.</summary>
    internal const int SpinRounds = 40;

    /// <summary>How long the first sleeps between two looks.</summary>
    private const int NapMilliseconds = 1;

    /// <summary>A power of two. Threads that are so far apart in line share a place, and wake with each other.</summary>
    private const int PlaceCount = 32;

    private readonly Gate _gate = new();
    private readonly Condition[] _places = MakePlaces();

    /// <summary>Writers that have been handed over and not been taken yet, by place. Null → writer under the gate, by who has it; → null by
    /// the thread that it was handed to.</summary>
    private readonly LogWriter?[] _handed = new LogWriter?[PlaceCount];

    /// <summary>The number of the first in line. Changed under the gate, and read without by the threads in line: it goes beyond the number
    /// of a thread when that leaves, or has been handed a writer.</summary>
    private long _first;

    /// <summary>The number that the next to join gets. Under the gate.</summary>
    private long _end;

    /// <summary>Threads in line. Changed under the gate.</summary>
    private int _length;

    /// <summary>Whether nobody waits. A hint.</summary>
    internal bool IsEmpty => Shared.Read(SharedWord.Counter, ref _length) == 0;

    /// <summary>Bytes of pages that go through a writer before it is handed to the first in line: some milliseconds of work, against the
    /// tens of microseconds in which a thread wakes. Constant but for tests.</summary>
    internal int TurnBytes { get; set; } = 8 << 20;

    /// <summary>Stands in line until there is a writer.</summary>
    internal LogWriter Await()
    {
        // Kept to the end: a thread that has an interrupt pending could not sleep in between.
        bool interrupted = false;
        LogWriter writer = Await(ref interrupted);
        Uninterrupted.Keep(interrupted);
        return writer;
    }

    private LogWriter Await(ref bool interrupted)
    {
        long number = Join();
        Spinner spinner = default;
        while (true)
        {
            long first = Volatile.Read(ref _first);
            if (first > number)
            {
                return TakeHanded(number);
            }

            if (first < number)
            {
                Sleep(number, ref interrupted);
            }
            else if (log.TryBorrowAny() is { } writer)
            {
                if (TryLeave(number))
                {
                    return writer;
                }

                // It has been handed one meanwhile.
                writer.GiveBack();
            }
            else if (spinner.Count < SpinRounds)
            {
                // To a seeded scheduler, which counts no rounds, this is all that the first does.
                spinner.Once();
            }
            else
            {
                Nap(number, ref interrupted);
            }
        }
    }

    /// <summary>Hands a writer that the caller has to the first in line, which leaves the line by that. False when the line is empty, or the
    /// first one's place is still taken.</summary>
    internal bool TryHandOver(LogWriter writer)
    {
        long number;
        long end;
        using (_gate.Enter())
        {
            (number, end) = (_first, _end);
            ref LogWriter? handed = ref _handed[number & (PlaceCount - 1)];
            if (number == end || handed is not null || !MayHandOver)
            {
                return false;
            }

            handed = writer;
            PopUnsynchronized();
        }

        Wake(number, end);
        WakeFirst(number + 1, end);
        return true;
    }

    private long Join()
    {
        using Gate.Scope held = _gate.Enter();
        Volatile.Write(ref _length, _length + 1);
        return _end++;
    }

    /// <summary>Leaves the line. False when the thread is in it no longer, since it has been handed a writer.</summary>
    private bool TryLeave(long number)
    {
        long end;
        using (_gate.Enter())
        {
            if (_first != number)
            {
                return false;
            }

            end = _end;
            PopUnsynchronized();
        }

        WakeFirst(number + 1, end);
        return true;
    }

    private void PopUnsynchronized()
    {
        // A release, which hands on what the thread that hands a writer over has left in it, and which writer that is. Pairs with the
        // acquire in Await.
        Volatile.Write(ref _first, _first + 1);
        Volatile.Write(ref _length, _length - 1);
    }

    private LogWriter TakeHanded(long number)
    {
        ref LogWriter? handed = ref _handed[number & (PlaceCount - 1)];
        LogWriter writer = handed!;

        // A release: who finds the place free under the gate may put the next writer there.
        Volatile.Write(ref handed, null);
        return writer;
    }

    /// <summary>Sleeps until the thread is the first in line, or has been handed a writer.</summary>
    private void Sleep(long number, ref bool interrupted)
    {
        Condition place = PlaceOf(number);
        if (TestHook.Interleaver is { } interleaver)
        {
            // Nothing comes between the look and the sleep: what takes the first on comes before the look at the sleepers.
            if (Volatile.Read(ref _first) < number)
            {
                interleaver.Block(place);
            }

            return;
        }

        place.Enter(ref interrupted);
        while (Volatile.Read(ref _first) < number)
        {
            place.Wait(ref interrupted);
        }

        place.Exit(interrupted: false);
    }

    /// <summary>Sleeps for a moment, as the first in line, unless it is handed a writer.</summary>
    private void Nap(long number, ref bool interrupted)
    {
        Condition place = PlaceOf(number);
        place.Enter(ref interrupted);
        if (Volatile.Read(ref _first) == number)
        {
            place.Wait(ref interrupted, NapMilliseconds);
        }

        place.Exit(interrupted: false);
    }

    /// <summary>Wakes a thread of the line, if there is one of this number. The first has been changed before, and the sleeper looks at it
    /// under the same lock: so no wake-up is lost.</summary>
    private void Wake(long number, long end)
    {
        if (number < end)
        {
            Condition place = PlaceOf(number);
            bool interrupted = false;
            place.Enter(ref interrupted);
            place.PulseAll();
            place.Exit(interrupted);
        }
    }

    private Condition PlaceOf(long number) => _places[number & (PlaceCount - 1)];

    private static Condition[] MakePlaces()
    {
        var places = new Condition[PlaceCount];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = new Condition();
        }

        return places;
    }
}
