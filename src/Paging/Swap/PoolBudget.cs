using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The bytes that all segments of a pager may take, and how many of them live entries may fill.</summary>
/// <remarks>One thread at a time changes the budget.</remarks>
/// <param name="bytes">The budget at first.</param>
internal sealed class PoolBudget(long bytes)
{
    /// <summary>The budget can grow to so many times what it was at first, as far as the system has addresses.</summary>
    internal const int MaxGrowth = 16;

    /// <summary>The largest budget.</summary>
    internal const long MaxBytes = 1L << 40;

    // Above these shares of live bytes the cleaner would copy more than what it frees is worth: at 88% live, a greedy cleaner copies about
    // four bytes for each one stored, at 94% about ten. The headers of small entries count against the second bound only.
    private const double StoredShare = 0.885;
    private const double LiveShare = 0.94;

    private const int MaxReadings = 16;

    private long _bytes = bytes;
    private long _limit = bytes;
    private long _reserved = Math.Max(bytes, Math.Min(MaxBytes, bytes * MaxGrowth));
    private long _committed;
    private long _live;
    private long _stored;
    private long _redundantLive;
    private long _redundantStored;
    private long _refused;
    private long _returns;

    /// <summary>The budget: as many bytes may be committed, once the budget has come to hold.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>What may be committed from now on. Less than the budget while that is about to shrink; then more may be committed than
    /// this.</summary>
    internal long LimitBytes => Volatile.Read(ref _limit);

    /// <summary>The largest budget that there are addresses for, in all logs. Lowered under the gate.</summary>
    internal long ReservedBytes => Volatile.Read(ref _reserved);

    /// <summary>Whether segments have to give back memory as soon as they are free.</summary>
    internal bool IsOver => RemainingBytes < 0;

    /// <summary>The bytes that the system refused when a segment was last to get memory within the budget; 0 when it granted them. Written
    /// under the gate. For messages that say why there is no room.</summary>
    internal long RefusedBytes
    {
        get => Volatile.Read(ref _refused);
        set => Volatile.Write(ref _refused, value);
    }

    /// <summary>Woken when a log runs short of free segments; null when there are no background threads.</summary>
    internal WakeSignal? Signal { get; set; }

    /// <summary>Guards the budget and the free lists of all logs. Nothing is encoded, copied or waited for under it.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>Bytes of segments with memory: full, open, free and held back.</summary>
    internal long CommittedBytes => Volatile.Read(ref _committed);

    /// <summary>What may be committed yet. Negative while the budget shrinks.</summary>
    internal long RemainingBytes => LimitBytes - CommittedBytes;

    /// <summary>Bytes of live entries, headers and rounding included.</summary>
    internal long LiveBytes => Volatile.Read(ref _live);

    /// <summary>Encoded bytes of live entries.</summary>
    internal long StoredBytes => Volatile.Read(ref _stored);

    /// <summary>Bytes of live entries, in memory or (for a moment) written out, that are redundant.</summary>
    internal long RedundantBytes => Volatile.Read(ref _redundantLive);

    /// <summary>Whether a page of this length may still come in, in case it does not shrink.</summary>
    internal bool Admits(int length) => Admits(LimitBytes, length);

    /// <summary>Whether a page of this length could come in if the budget were this. What is redundant makes way for it.</summary>
    internal bool Admits(long budget, int length) =>
        StoredBytes - Volatile.Read(ref _redundantStored) + length <= (long)(budget * StoredShare)
        && LiveBytes - RedundantBytes + length + EntryHeader.Size <= (long)(budget * LiveShare);

    /// <summary>How often memory has come free, or more of it may be committed. Written under the gate.</summary>
    internal long Returns
    {
        get => Shared.Read(SharedWord.Counter, ref _returns);
    }

    /// <summary>Notes that memory has come free. Called under the gate, after the memory can be found.</summary>
    internal void NoteReturnUnsynchronized() => Volatile.Write(ref _returns, _returns + 1);

    /// <summary>Sets what may be committed from now on.</summary>
    internal void SetLimit(long limit)
    {
        // A thread that is about to commit under the gate has looked at the old limit, and is through.
        using Gate.Scope held = Gate.Enter();
        Volatile.Write(ref _limit, limit);
        NoteReturnUnsynchronized();
    }

    /// <summary>Sets the budget, which is the limit too. No more is committed.</summary>
    internal void SetBudget(long budget)
    {
        Volatile.Write(ref _bytes, budget);
        SetLimit(budget);
    }

    /// <summary>A log has no addresses for more. Called under the gate.</summary>
    internal void CapUnsynchronized(long reserved) => Volatile.Write(ref _reserved, Math.Min(_reserved, reserved));

    internal void Add(int units, long encodedBytes)
    {
        Shared.Add(SharedWord.Counter, ref _live, (long)units << Location.UnitShift);
        Interlocked.Add(ref _stored, encodedBytes);
    }

    /// <summary>Adds to what is redundant of the live and stored bytes.</summary>
    internal void AddRedundant(int units, int encodedBytes)
    {
        if (units != 0)
        {
            Shared.Add(SharedWord.Counter, ref _redundantLive, (long)units << Location.UnitShift);
            Interlocked.Add(ref _redundantStored, encodedBytes);
        }
    }

    /// <summary>Live and committed bytes at one moment. The live bytes are part of the committed ones at all times, but not if the two are
    /// read at different times.</summary>
    internal (long Live, long Committed) Snapshot()
    {
        long committed = CommittedBytes;
        for (int i = 0; i < MaxReadings; i++)
        {
            long live = LiveBytes;
            long after = CommittedBytes;
            if (after == committed)
            {
                return (Math.Min(live, committed), committed);
            }

            committed = after;
        }

        return (Math.Min(LiveBytes, committed), committed);
    }

    internal void ChargeUnsynchronized(long change)
    {
        Volatile.Write(ref _committed, _committed + change);
        if (change < 0)
        {
            NoteReturnUnsynchronized();
        }
    }
}
