using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.Diagnostics;

namespace Paging.Residency;

internal enum PageState
{
    /// <summary>Reads as zeroes, owns nothing. A table of zeroes is a table of untouched pages.</summary>
    Untouched,
    Resident,
    Swapped,
    Filling,
    Evicting,
    /// <summary>The array is disposed; the last state of a page.</summary>
    Dead,
}

/// <summary>The page table entry: one 64-bit word a page, and every transition that it can make.</summary>
/// <remarks>
/// <code>
///            63      54 53  50 49         22 21      8  7  6  5  4  3  2 1 0
/// Resident   [   pins (14)   ][ frame (28)  ][ version ][ - ][R][D][W][state]
/// Swapped    [time (10)][   stored page (32)  ][ version ][    -    ][W][state]
/// Filling, Untouched, Dead                     [ version ][    -    ][W][state]
/// Evicting                    [ frame (28)  ][ version ][ - ][R][D][W][state]
/// </code>
/// D: the frame holds what no stored copy holds. R: read since the clock last passed. W: a thread is parked on the page.
/// The version grows by one whenever a frame is filled and survives eviction, so that two residencies of a page in one
/// frame differ. Only this file changes the word.
///
/// Untouched, Swapped and Resident words are anybody's to change by CAS. Filling and Evicting are claims: until the
/// claimant publishes the next state, others may only set W. Publishing is an exchange, since W may come meanwhile.
/// The exchange (release) pairs with the CAS or the volatile load of whoever finds the page resident.
/// </remarks>
internal static unsafe class PageWord
{
    internal const int PinShift = 50;
    internal const int MaxPins = (1 << 14) - 1;
    internal const ulong PinOne = 1UL << PinShift;

    internal const ulong StateMask = 7;
    internal const ulong Waiters = 1 << 3;
    internal const ulong Dirty = 1 << 4;
    internal const ulong Referenced = 1 << 5;

    internal const int VersionShift = 8;
    private const ulong VersionMask = ((1UL << 14) - 1) << VersionShift;
    private const ulong VersionOne = 1UL << VersionShift;

    internal const int FrameShift = 22;
    internal const ulong FrameBits = (1UL << 28) - 1;

    private const int StoredShift = 22;
    private const int TimeShift = 54;
    internal const int TimeBits = 10;

    /// <summary>What must not have changed for an optimistic read to count.</summary>
    private const ulong Identity = StateMask | VersionMask | (FrameBits << FrameShift);

    internal static readonly Transitions Seen = new(6);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static PageState State(ulong word) => (PageState)(word & StateMask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsResident(ulong word) => (word & StateMask) == (ulong)PageState.Resident;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsClaimed(ulong word) => State(word) is PageState.Filling or PageState.Evicting;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Pins(ulong word) => (int)(word >> PinShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Frame(ulong word) => (long)((word >> FrameShift) & FrameBits);

    internal static uint Stored(ulong word) => (uint)(word >> StoredShift);

    /// <summary>When a swapped page was evicted, in coarse units, modulo 2^<see cref="TimeBits"/>.</summary>
    internal static int EvictionTime(ulong word) => (int)(word >> TimeShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Load(ulong* page)
    {
        TestHook.Reach(SharedWord.Page);
        return Volatile.Read(ref *page);
    }

    /// <summary>The second look of an optimistic read: the barrier keeps the copied element before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsUnchanged(ulong* page, ulong word)
    {
        // Pairs with the fence between unpublishing a frame and its first overwriting (FramePool.Take).
        Volatile.ReadBarrier();
        TestHook.Reach(SharedWord.Page);
        if (TestHook.Breaks(Mutation.SkipRecheck))
        {
            return true;
        }

        ulong identity = TestHook.Breaks(Mutation.IgnoreVersion) ? Identity & ~VersionMask : Identity;
        return ((*page ^ word) & identity) == 0;
    }

    /// <summary>Resident → Resident with one more pin, referenced, and dirty where <paramref name="flags"/> say so.
    /// Races with pinners, the clock and evictors.</summary>
    /// <remarks>A pin count that is full would carry out of the word: the caller checks <see cref="MaxPins"/>.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryPin(ulong* page, ulong word, ulong flags)
    {
        TestHook.Reach(SharedWord.Page);
        return Interlocked.CompareExchange(ref *page, (word + PinOne) | flags, word) == word;
    }

    /// <summary>Resident → Resident with one pin less. Only for a pin that the caller owns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Unpin(ulong* page)
    {
        TestHook.Reach(SharedWord.Page);
        ulong after = Interlocked.Add(ref *page, unchecked(0UL - PinOne));

        // No pin to give back: the count went below zero, or the word is not a resident one at all.
        if (((after >> PinShift) == MaxPins || !IsResident(after)) && !TestHook.Breaks(Mutation.SkipPinCheck))
        {
            RepairPin(page);
        }
    }

    /// <summary>Sets the reference bit; a lost race loses nothing but the hint.</summary>
    internal static void Reference(ulong* page, ulong word)
    {
        TestHook.Reach(SharedWord.Page);
        Interlocked.CompareExchange(ref *page, word | Referenced, word);
    }

    /// <summary>The clock's second chance: clears the reference bit.</summary>
    internal static void Unreference(ulong* page, ulong word)
    {
        TestHook.Reach(SharedWord.Page);
        Interlocked.CompareExchange(ref *page, word & ~Referenced, word);
    }

    /// <summary>Untouched or Swapped → Filling. Races with other faults, discards and the sweep of Dispose.</summary>
    internal static bool TryBeginFill(ulong* page, ulong word)
    {
        Debug.Assert(State(word) is PageState.Untouched or PageState.Swapped);
        ulong claim = ((word + VersionOne) & VersionMask) | (ulong)PageState.Filling;
        TestHook.Reach(SharedWord.Page);
        return Record(word, claim, Interlocked.CompareExchange(ref *page, claim, word) == word);
    }

    /// <summary>Filling → Resident, with one pin for the claimant. Returns true when somebody waits.</summary>
    internal static bool CompleteFill(ulong* page, ulong word, long frame, ulong flags)
    {
        ulong next = ((word + VersionOne) & VersionMask) | ((ulong)frame << FrameShift) | PinOne | flags | (ulong)PageState.Resident;
        return Publish(page, next, PageState.Filling);
    }

    /// <summary>Filling → what it was; the version stays ahead, which harms nothing.</summary>
    internal static bool AbandonFill(ulong* page, ulong word) => Publish(page, word & ~Waiters, PageState.Filling);

    /// <summary>Resident, clean, no pins → Swapped, or Untouched when there is no stored copy. The frame is the caller's.</summary>
    /// <remarks>Races with pinners: the expected word has no pins, is clean and names the frame.</remarks>
    internal static bool TryEvictClean(ulong* page, ulong word, uint stored, int time)
    {
        Debug.Assert(IsResident(word) && Pins(word) == 0 && (word & (Dirty | Waiters)) == 0);
        TestHook.Reach(SharedWord.Page);
        ulong next = Away(word, stored, time);
        return Record(word, next, Interlocked.CompareExchange(ref *page, next, word) == word);
    }

    /// <summary>Resident, no pins → Evicting: exclusive. Races with pinners and other evictors.</summary>
    internal static bool TryBeginEvict(ulong* page, ulong word)
    {
        Debug.Assert(IsResident(word) && (Pins(word) == 0 || TestHook.Breaks(Mutation.EvictPinned)));
        ulong claim = (word & ~(StateMask | ((ulong)MaxPins << PinShift))) | (ulong)PageState.Evicting;
        TestHook.Reach(SharedWord.Page);
        return Record(word, claim, Interlocked.CompareExchange(ref *page, claim, word) == word);
    }

    /// <summary>Evicting → Swapped, or Untouched when nothing is stored: the page's zeroes, or a discard.</summary>
    internal static bool CompleteEvict(ulong* page, ulong word, uint stored, int time) =>
        Publish(page, Away(word, stored, time), PageState.Evicting);

    /// <summary>Evicting → Resident as it was (the pool had no room), or dirty now (its stored copy was dropped instead).</summary>
    internal static bool AbandonEvict(ulong* page, ulong word) => Publish(page, word, PageState.Evicting);

    /// <summary>Swapped → Untouched without loading; the caller frees the stored page. Races with faults.</summary>
    internal static bool TryDiscardSwapped(ulong* page, ulong word)
    {
        Debug.Assert(State(word) == PageState.Swapped);
        ulong next = word & VersionMask;
        TestHook.Reach(SharedWord.Page);
        return Record(word, next, Interlocked.CompareExchange(ref *page, next, word) == word);
    }

    /// <summary>Untouched or Swapped → Dead. The sweep of Dispose; races with faults that began before.</summary>
    internal static bool TryKill(ulong* page, ulong word)
    {
        Debug.Assert(State(word) is PageState.Untouched or PageState.Swapped);
        TestHook.Reach(SharedWord.Page);
        return Record(word, (ulong)PageState.Dead, Interlocked.CompareExchange(ref *page, (ulong)PageState.Dead, word) == word);
    }

    /// <summary>Evicting → Dead: the sweep of Dispose, which claimed the page as an evictor does.</summary>
    internal static bool CompleteKill(ulong* page) => Publish(page, (ulong)PageState.Dead, PageState.Evicting);

    /// <summary>Filling or Evicting → Filling or Evicting with W set; false when the claim is over.</summary>
    internal static bool TrySetWaiters(ulong* page)
    {
        while (true)
        {
            ulong word = Load(page);
            if (!IsClaimed(word))
            {
                return false;
            }

            if ((word & Waiters) != 0 || TestHook.Breaks(Mutation.ParkWithoutBit))
            {
                return true;
            }

            TestHook.Reach(SharedWord.Page);
            if (Interlocked.CompareExchange(ref *page, word | Waiters, word) == word)
            {
                return true;
            }
        }
    }

    private static ulong Away(ulong word, uint stored, int time) => stored == 0
        ? word & VersionMask
        : (word & VersionMask) | ((ulong)stored << StoredShift) | ((ulong)time << TimeShift) | (ulong)PageState.Swapped;

    private static bool Publish(ulong* page, ulong next, PageState from)
    {
        TestHook.Reach(SharedWord.Page);
        ulong before = Interlocked.Exchange(ref *page, next);
        // Zero: the array was disposed and its table's memory given back under a late claim, which is about to undo itself.
        Debug.Assert(State(before) == from || before == 0, "a claim is its owner's alone");
        Seen.Record((ulong)from, next & StateMask);
        return (before & Waiters) != 0;
    }

    private static bool Record(ulong from, ulong to, bool happened)
    {
        if (happened)
        {
            Seen.Record(from & StateMask, to & StateMask);
        }

        return happened;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RepairPin(ulong* page)
    {
        Interlocked.Add(ref *page, PinOne);
        throw new InvalidOperationException(
            "A lease was given back that was not out: it, or a copy of it, has been disposed before. Dispose each lease once.");
    }
}
