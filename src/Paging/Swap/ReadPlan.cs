using System.Diagnostics;
using Paging.Swap.Devices;

namespace Paging.Swap;

/// <summary>Reads that a thread begins because it is about to load pages, one after another: first it notes all that it will want, then what
/// lies side by side in files is read at once, and the device has all of these reads together.</summary>
/// <remarks>The thread is inside the pager's rundown from the first <see cref="Note(PageLoader, uint)"/> to the end of
/// <see cref="End()"/>, which waits for the device. Others find its reads, too: see <see cref="FileReads"/>.</remarks>
internal sealed class ReadPlan
{
    /// <summary>Pages that are noted at once, at most.</summary>
    internal const int MaxPages = 256;

    /// <summary>Reads under way for one thread, at most.</summary>
    internal const int MaxReads = 128;

    /// <summary>The longest piece of a file that is read at once, in bytes: three segments of pages of 16 KiB. Disks and their queues are at
    /// their best from about half of it on.</summary>
    internal const int MaxRun = 512 << 10;

    /// <summary>Bytes between two entries that are rather read than left out: a request costs a device about as much.</summary>
    private const int MaxGap = 32 << 10;

    private static readonly Comparison<FilePiece> s_byPlace = static (one, other) =>
        one.Area == other.Area ? one.Range.Offset.CompareTo(other.Range.Offset) : one.Area.Number.CompareTo(other.Area.Number);

    private static readonly Comparison<SourcePiece> s_bySource = static (one, other) =>
        one.Source == other.Source ? one.Offset.CompareTo(other.Offset) : one.Source.Number.CompareTo(other.Source.Number);

    [ThreadStatic]
    private static ReadPlan? s_ofThread;

    private readonly ulong[] _noted = new ulong[MaxPages];
    private readonly FilePiece[] _pieces = new FilePiece[MaxPages];
    private readonly SourcePiece[] _sources = new SourcePiece[MaxPages];
    private readonly FileRead[] _reads = new FileRead[MaxReads];
    private PageLoader? _notedFor;
    private PageLoader? _loader;
    private int _notedCount;
    private int _sourceCount;
    private int _count;

    /// <summary>Reads that <see cref="TryEnd"/> has ended: whoever began them still counts them, before all that are under way.</summary>
    private int _endedEarly;

    /// <summary>Reads of this thread that are under way.</summary>
    internal static int Count => s_ofThread?._count ?? 0;

    /// <summary>Notes a stored page that this thread is about to load.</summary>
    internal static void Note(PageLoader loader, uint stored)
    {
        ReadPlan plan = Of(loader);
        Location location = loader.Locate(stored);
        if (location.Where == Location.Kind.Segment && plan._notedCount < MaxPages)
        {
            plan._noted[plan._notedCount++] = location.Word;
        }
    }

    /// <summary>Notes a piece of a file that an array is mapped from, of which this thread is about to need a page.</summary>
    /// <param name="loader">The pager's.</param>
    /// <param name="piece">The piece. The plan is the user of its file from here on.</param>
    internal static void Note(PageLoader loader, in SourcePiece piece)
    {
        ReadPlan plan = Of(loader);
        if (plan._sourceCount == MaxPages)
        {
            piece.Source.RemoveUser();
            return;
        }

        plan._sources[plan._sourceCount++] = piece;
    }

    /// <summary>Begins to read what was noted, as far as it is in files, and there is room for it.</summary>
    internal static void Begin(PageLoader loader)
    {
        if (s_ofThread is not { } plan || plan._notedFor != loader)
        {
            return;
        }

        plan._notedFor = null;
        if (plan._count != 0 && plan._loader != loader)
        {
            // A listener to faults of one pager, whose reads are under way here, goes through pages of another one.
            plan._notedCount = 0;
            plan.DropSources();
            return;
        }

        plan._loader = loader;
        try
        {
            plan.BeginStored(loader.Reads);
            plan.BeginSources(loader.Reads);
        }
        finally
        {
            plan.DropSources();
            plan._loader = plan._count == 0 ? null : loader;
        }
    }

    /// <summary>Ends all reads of this thread. It must not throw, and does not.</summary>
    internal static void End()
    {
        if (s_ofThread is { } plan)
        {
            // What was noted and not begun, because something failed in between, is not read any more.
            plan._notedFor = null;
            plan._notedCount = 0;
            plan.DropSources();
            plan._endedEarly = 0;
            plan.EndFirst(plan._count);
        }
    }

    /// <summary>Ends all reads of this thread, in case somebody waits for what they hold: the thread itself, too.</summary>
    /// <returns>Whether there were any.</returns>
    internal static bool TryEnd()
    {
        if (s_ofThread is not { _count: > 0 } plan)
        {
            return false;
        }

        plan._endedEarly += plan._count;
        plan.EndFirst(plan._count);
        return true;
    }

    /// <summary>Ends the reads that this thread began first.</summary>
    /// <param name="count">How many, at most; those that <see cref="TryEnd"/> has ended are counted, too.</param>
    internal static void End(int count)
    {
        if (s_ofThread is { } plan)
        {
            int early = Math.Min(count, plan._endedEarly);
            plan._endedEarly -= early;
            plan.EndFirst(Math.Min(count - early, plan._count));
        }
    }

    private void EndFirst(int count)
    {
        // Only a scheduler that ends a run gets out of a wait. Then the thread must not meet these reads in the next one.
        s_ofThread = null;
        for (int i = 0; i < count; i++)
        {
            _loader!.Reads.Leave(_reads[i]);
        }

        Array.Copy(_reads, count, _reads, 0, _count - count);
        _count -= count;
        _loader = _count == 0 ? null : _loader;
        s_ofThread = this;
    }

    /// <summary>The thread's, for pages of one pager.</summary>
    private static ReadPlan Of(PageLoader loader)
    {
        ReadPlan plan = s_ofThread ??= new ReadPlan();
        if (plan._notedFor != loader)
        {
            // Whatever kept the thread from beginning what it had noted of another pager, that is not to be read now.
            plan._notedFor = loader;
            plan._notedCount = 0;
            plan.DropSources();
        }

        return plan;
    }

    private void BeginStored(FileReads reads)
    {
        // By segment and offset: that is the order of these words.
        Span<ulong> noted = _noted.AsSpan(0, _notedCount);
        _notedCount = 0;
        noted.Sort();
        int count = Collect(reads, noted);
        Span<FilePiece> pieces = _pieces.AsSpan(0, count);
        pieces.Sort(s_byPlace);
        for (int i = 0; i < count;)
        {
            i += BeginRun(reads, pieces[i..]);
        }

        pieces.Clear();
    }

    /// <summary>Begins to read pieces of files that arrays are mapped from: what lies next to each other at once.</summary>
    private void BeginSources(FileReads reads)
    {
        Span<SourcePiece> noted = _sources.AsSpan(0, _sourceCount);
        noted.Sort(s_bySource);
        for (int i = 0; i < noted.Length && _count < MaxReads;)
        {
            SourcePiece run = noted[i];
            int length = 1;
            for (; i + length < noted.Length; length++)
            {
                SourcePiece next = noted[i + length];
                long end = Math.Max(run.End, next.End);
                if (next.Source != run.Source || next.Offset - run.End > MaxGap || end - run.Offset > MaxRun)
                {
                    break;
                }

                run = run with { Bytes = (int)(end - run.Offset) };
            }

            if (!TryBegin(reads, run) && length > 1)
            {
                // There is no buffer that is so long.
                for (int k = 0; k < length && TryBegin(reads, noted[i + k]); k++)
                {
                }
            }

            i += length;
        }

        DropSources();
    }

    /// <returns>False when it cannot be read now; true when it is, or others read it already.</returns>
    private bool TryBegin(FileReads reads, in SourcePiece piece)
    {
        if (reads.Find(piece.Source.File, piece.Offset, piece.Bytes) is { } other)
        {
            Keep(reads, other);
            return true;
        }

        if (_count == MaxReads || reads.TryBegin(piece) is not { } read)
        {
            return false;
        }

        _reads[_count++] = read;
        return true;
    }

    /// <summary>Stays a user of a read that has something that was noted, so that it is there until this thread ends its reads, too:
    /// whoever has begun it may be done with it sooner.</summary>
    private void Keep(FileReads reads, FileRead read)
    {
        if (_count == MaxReads || (_count > 0 && _reads[_count - 1] == read))
        {
            reads.Leave(read);
        }
        else
        {
            _reads[_count++] = read;
        }
    }

    /// <summary>Lets go of the files of what was noted.</summary>
    private void DropSources()
    {
        while (_sourceCount > 0)
        {
            SharedSource source = _sources[--_sourceCount].Source;
            _sources[_sourceCount] = default;
            source.RemoveUser();
        }
    }

    /// <summary>Puts together what lies next to each other in the same segment, and pins it.</summary>
    /// <returns>The number of pieces.</returns>
    private int Collect(FileReads reads, ReadOnlySpan<ulong> noted)
    {
        int count = 0;
        for (int i = 0; i < noted.Length;)
        {
            var at = new Location(noted[i++]);
            int first = at.Offset;
            int end = EndOf(at);
            for (; i < noted.Length; i++)
            {
                var next = new Location(noted[i]);
                if (next.Segment != at.Segment || next.Offset - end > MaxGap || EndOf(next) - first > MaxRun)
                {
                    break;
                }

                end = Math.Max(end, EndOf(next));
            }

            if (reads.TryPin(at.Segment, first, end, out FilePiece piece, out FileRead? other))
            {
                _pieces[count++] = piece;
            }
            else if (other is not null)
            {
                Keep(reads, other);
            }
        }

        return count;
    }

    /// <summary>Begins one read, of the first of these pieces and of those that lie next to it.</summary>
    /// <returns>How many pieces have been dealt with.</returns>
    private int BeginRun(FileReads reads, ReadOnlySpan<FilePiece> pieces)
    {
        // What a device has written is known to it by the write: then no read goes beyond a segment.
        FilePiece first = pieces[0];
        int length = 1;
        int max = first.Area.Device.KnowsWrites ? 1 : Math.Min(pieces.Length, FileRead.MaxPieces);
        while (length < max
            && pieces[length].Area == first.Area
            && pieces[length].Range.Offset - pieces[length - 1].End <= MaxGap
            && pieces[length].End - first.Range.Offset <= MaxRun)
        {
            length++;
        }

        FileRead? read = _count < MaxReads ? reads.TryBegin(pieces[..length]) : null;
        while (read is null && length > 1 && _count < MaxReads)
        {
            // There is no buffer that is so long. The others are tried after these.
            length /= 2;
            read = reads.TryBegin(pieces[..length]);
        }

        if (read is null)
        {
            reads.Unpin(pieces[..length]);
        }
        else
        {
            _reads[_count++] = read;
        }

        return length;
    }

    private static int EndOf(Location location) => location.Offset + (location.Units << Location.UnitShift);
}
