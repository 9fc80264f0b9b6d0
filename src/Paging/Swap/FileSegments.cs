using System.Numerics;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The segments that are in files only, by file, log and the share of them that is dead.</summary>
/// <remarks>Kept like <see cref="SealedSegments"/>: <see cref="Refresh"/> makes the lists agree with the state of a segment, after every
/// change of that. No other gate is taken under its gate.</remarks>
internal sealed unsafe class FileSegments
{
    private const int Lists = SwapFileTable.MaxFiles * SegmentTable.MaxLogs * DeadShare.Ranks;

    private readonly SegmentTable _table;
    private readonly Gate _gate = new();
    private readonly Reservation _memory = new(NumberLists.Bytes(Lists, Location.MaxSegments), accessible: false);
    private readonly GrowingRange _range;
    private readonly NumberLists _lists;

    internal FileSegments(SegmentTable table)
    {
        _table = table;
        _range = new GrowingRange(_memory, 0, _memory.Bytes);
        if (!TryReach(0))
        {
            _memory.Release();
            throw Interop.VirtualMemory.Refused(NumberLists.Bytes(Lists, 0), "memory for the lists of segments in files", error: 0);
        }

        _lists = new NumberLists(_memory.Address, Lists);
    }

    /// <summary>Makes sure that segments below a number can be in a list. Called under the pool's gate.</summary>
    internal bool TryReach(int numbers) => _range.TryReach(NumberLists.Bytes(Lists, numbers));

    /// <summary>Puts a segment into the list that it belongs to now, or into none.</summary>
    internal void Refresh(int number)
    {
        using Gate.Scope held = _gate.Enter();
        Segment* segment = _table[number];
        int file = segment->File;
        _lists.Put(
            number,
            IsCleanable(segment, file) ? ListOf(file, segment->Log, DeadShare.OnFile(Live(segment), Holds(segment))) : NumberLists.None);
    }

    /// <summary>Notes that an entry of a segment has died.</summary>
    /// <param name="number">The segment's number.</param>
    /// <param name="live">Bytes that are left alive.</param>
    /// <param name="died">Bytes that have died.</param>
    /// <param name="holds">Bytes that the segment could hold.</param>
    internal void NoteDead(int number, int live, int died, int holds)
    {
        if (DeadShare.OnFile(live, holds) != DeadShare.OnFile(live + died, holds))
        {
            Refresh(number);
        }
    }

    /// <summary>The segment of a file with the largest share of dead bytes, to a thirty-second; −1 when none has enough.</summary>
    /// <param name="area">The file.</param>
    /// <param name="minDead">The share that must be dead.</param>
    /// <param name="logs">A bit for each log whose segments may be chosen.</param>
    /// <param name="rank">The lowest <see cref="DeadShare"/> that may be chosen; set to the rank of the segment.</param>
    internal int FindDeadest(SwapArea area, double minDead, uint logs, ref int rank)
    {
        using Gate.Scope held = _gate.Enter();
        for (int i = DeadShare.Ranks - 1; i >= rank; i--)
        {
            for (uint left = logs; left != 0; left &= left - 1)
            {
                int number = FindIn(ListOf(area.Number, BitOperations.TrailingZeroCount(left), i), area.Number, minDead);
                if (number != NumberLists.None)
                {
                    rank = i;
                    return number;
                }
            }
        }

        return NumberLists.None;
    }

    internal void DecommitAll() => _memory.DecommitAll();

    internal void Release() => _memory.Release();

    private int FindIn(int list, int file, double minDead)
    {
        for (int number = _lists.First(list); number != NumberLists.None;)
        {
            int next = _lists.Next(number);
            Segment* segment = _table[number];
            if (!IsCleanable(segment, file))
            {
                _lists.Put(number, NumberLists.None);
            }
            else if (1 - (Live(segment) / (double)Holds(segment)) >= minDead)
            {
                return number;
            }

            number = next;
        }

        return NumberLists.None;
    }

    private static bool IsCleanable(Segment* segment, int file) =>
        file != 0
        && segment->File == file
        && segment->Damaged == 0
        && SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.OnFile;

    private static int Live(Segment* segment) => Volatile.Read(ref segment->Live) << Location.UnitShift;

    private int Holds(Segment* segment) => _table.LogOf(segment).Holds(segment);

    /// <summary>The list of a file's segments of one log and rank.</summary>
    internal static int ListOf(int file, int log, int rank) => ((((file - 1) * SegmentTable.MaxLogs) + log) * DeadShare.Ranks) + rank;
}
