using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

internal enum SegmentState
{
    /// <summary>The number is in use by no segment. A table of zeroes consists of free words.</summary>
    Free,
    /// <summary>A writer has it and appends entries to it.</summary>
    Open,
    /// <summary>Complete; read-only until it is empty.</summary>
    Sealed,
    /// <summary>The cleaner or the recompressor is moving its live entries out.</summary>
    Cleaning,
    /// <summary>Empty, but readers are still in it. The last one frees it.</summary>
    Draining,
    /// <summary>Written to a file, but readers are still in its memory. The last one gives the memory back. No new reader gets in
    /// meanwhile.</summary>
    Demoting,
    /// <summary>In a swap file only.</summary>
    OnFile,
    /// <summary>In a swap file, and its live entries are being moved into the pool.</summary>
    FileCleaning,
}

/// <summary>What the thread that gives back the last pin must do.</summary>
internal enum LastOut
{
    Nothing,

    /// <summary>The segment is free now: its slot, memory and number go back.</summary>
    Retire,

    /// <summary>The segment's memory goes back, and then it is on file.</summary>
    Demote,
}

/// <summary>State, generation and pins of a segment in one word, and every transition that it can make.</summary>
/// <remarks>
/// <code>
///   63       44 43          3 2   0
///   [ pins (20) ][ generation (41) ][state]
/// </code>
/// A reader pins by CAS and then reads the descriptor again. If it still points here, the entry stays readable until the pin is given back,
/// since memory and file slots are reused only after Free or Demoting, and those wait for the last pin. The generation grows with each
/// opening. Only this file changes the word.
/// </remarks>
internal static unsafe partial class SegmentWord
{
    private const int PinShift = 44;
    private const ulong PinOne = 1UL << PinShift;
    private const ulong MaxPins = (1UL << 20) - 1;
    private const ulong StateMask = 7;
    private const ulong GenerationOne = 1UL << 3;

    internal static readonly Transitions Seen = new((int)SegmentState.FileCleaning + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static SegmentState State(ulong word) => (SegmentState)(word & StateMask);

    internal static ulong Pins(ulong word) => word >> PinShift;

    internal static ulong Load(ulong* segment)
    {
        return Shared.Read(SharedWord.Segment, segment);
    }

    /// <summary>Adds a pin to a segment that holds entries. Races with all other transitions; retries until it pins or there is nothing to
    /// pin.</summary>
    /// <param name="segment">The word.</param>
    /// <param name="onFile">Whether the entries are in a file, and not in memory. That does not change while the pin is held.</param>
    internal static bool TryPin(ulong* segment, out bool onFile)
    {
        ulong word = Load(segment);
        while (true)
        {
            SegmentState state = State(word);
            onFile = state is SegmentState.OnFile or SegmentState.FileCleaning;
            if (state is SegmentState.Free or SegmentState.Draining or SegmentState.Demoting || Pins(word) >= MaxPins - 1)
            {
                return false;
            }

            ulong found = Shared.CompareExchange(SharedWord.Segment, segment, word + PinOne, word);
            if (found == word)
            {
                return true;
            }

            word = found;
        }
    }

    /// <summary>Takes a pin off. The last one out of a draining or demoting segment has something to do; no other thread is in the segment
    /// then.</summary>
    internal static LastOut Unpin(ulong* segment)
    {
        ulong after = Shared.Add(SharedWord.Segment, segment, unchecked(0UL - PinOne));
        if (Pins(after) == MaxPins)
        {
            Interlocked.Add(ref *segment, PinOne);
            throw new InvalidOperationException("A segment was unpinned more often than pinned.");
        }

        if (Pins(after) != 0)
        {
            return LastOut.Nothing;
        }

        // No pin is added in either state, so only one thread sees the count reach zero.
        return State(after) switch
        {
            SegmentState.Draining when TryChange(segment, after, SegmentState.Free) => LastOut.Retire,
            SegmentState.Demoting => LastOut.Demote,
            _ => LastOut.Nothing,
        };
    }

    /// <summary>Free → Open, with the next generation: by the writer that took the number.</summary>
    internal static void Open(ulong* segment)
    {
        ulong word = Load(segment);
        Debug.Assert(State(word) == SegmentState.Free && Pins(word) == 0);
        TestHook.Reach(SharedWord.Segment);
        Seen.Record((ulong)SegmentState.Free, (ulong)SegmentState.Open);
        // No other thread changes a free segment: it cannot be pinned, and its number is on no list any more.
        Volatile.Write(ref *segment, (word & ~StateMask) + GenerationOne + (ulong)SegmentState.Open);
    }

    /// <summary>Open → Sealed: by the writer that has it open. Races with pinners.</summary>
    internal static void Seal(ulong* segment) => Change(segment, SegmentState.Open, SegmentState.Sealed);

    /// <summary>Sealed → Cleaning: by the cleaner or the recompressor. Races with pinners and with threads that find the segment
    /// empty.</summary>
    internal static bool TryBeginCleaning(ulong* segment) => TryClaim(segment, SegmentState.Sealed, SegmentState.Cleaning);

    /// <summary>Cleaning → Sealed: by the thread that claimed it, when entries are left in it.</summary>
    internal static void AbandonCleaning(ulong* segment) => Change(segment, SegmentState.Cleaning, SegmentState.Sealed);

    /// <summary>Sealed → Demoting: by the thread that wrote it and pins it. False when it is being emptied, or is empty by now.</summary>
    internal static bool TryBeginDemote(ulong* segment) => TryClaim(segment, SegmentState.Sealed, SegmentState.Demoting);

    /// <summary>Demoting → OnFile: by the last thread out of its memory.</summary>
    internal static void CompleteDemote(ulong* segment) => Change(segment, SegmentState.Demoting, SegmentState.OnFile);

    /// <summary>OnFile → FileCleaning: by the file cleaner. Races with pinners, other claims, and threads that find the segment
    /// empty.</summary>
    internal static bool TryBeginFileCleaning(ulong* segment) => TryClaim(segment, SegmentState.OnFile, SegmentState.FileCleaning);

    /// <summary>FileCleaning → OnFile: by the thread that claimed it, when it found no room or could not read it.</summary>
    internal static void AbandonFileCleaning(ulong* segment) => Change(segment, SegmentState.FileCleaning, SegmentState.OnFile);

    /// <summary>Sealed or OnFile (or, by the thread that claimed it, Cleaning or FileCleaning) → Free, or Draining while readers are
    /// inside. Only of a segment that holds nothing live.</summary>
    /// <param name="segment">The word.</param>
    /// <param name="live">The live units. Read again after the word: since a sealed segment never gains any, zero then means that the
    /// segment is empty in this very generation.</param>
    /// <param name="from">Sealed, which stands for OnFile too, or the caller's own claim.</param>
    /// <returns>True when the caller must return the segment to its table.</returns>
    internal static bool TryRetire(ulong* segment, ref int live, SegmentState from)
    {
        while (true)
        {
            ulong word = Load(segment);
            SegmentState state = State(word);
            bool eligible = state == from || (from == SegmentState.Sealed && state == SegmentState.OnFile) || MayAnybodyFreeOpen(state);
            if (!eligible || Shared.Read(SharedWord.SegmentLive, ref live) != 0)
            {
                return false;
            }

            SegmentState to = Pins(word) == 0 ? SegmentState.Free : SegmentState.Draining;
            if (TryChange(segment, word, to))
            {
                return to == SegmentState.Free;
            }
        }
    }

    private static bool TryClaim(ulong* segment, SegmentState from, SegmentState to)
    {
        while (true)
        {
            ulong word = Load(segment);
            if (State(word) != from)
            {
                return false;
            }

            if (TryChange(segment, word, to))
            {
                return true;
            }
        }
    }

    private static void Change(ulong* segment, SegmentState from, SegmentState to)
    {
        while (true)
        {
            ulong word = Load(segment);
            Debug.Assert(State(word) == from, "the state is the caller's to change");
            if (TryChange(segment, word, to))
            {
                return;
            }
        }
    }

    private static bool TryChange(ulong* segment, ulong word, SegmentState to)
    {
        if (Shared.CompareExchange(SharedWord.Segment, segment, (word & ~StateMask) | (ulong)to, word) != word)
        {
            return false;
        }

        Seen.Record(word & StateMask, (ulong)to);

        // A thread may be delayed here as well, when the segment is no longer its own.
        TestHook.Reach(SharedWord.Segment);
        return true;
    }
}
