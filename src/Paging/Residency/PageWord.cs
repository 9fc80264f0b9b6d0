using System.Diagnostics;
using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The page table entry: one 64-bit word a page, and every transition that it can make.</summary>
/// <remarks>
/// <code>
///            63      52 51 50 49        42 41                 12 11       5 4   1 0
/// Resident   [pins (12)][W][D][version high][ frame offset / 4 KiB ][version low][..L 1][R]
/// Swapped    [hist (12)][W]   [version high][ stored page (30)     ][version low][state]
/// Evicting              [W][D][version high][ frame offset / 4 KiB ][version low][state]
/// Elsewhere                   [version high][ node             (30)][version low][state]
/// the others            [W]   [version high]                        [version low][state]
/// </code>
/// The frame stands in the word as its offset from the pager's first frame, in place, so that the hit path masks it out and adds;
/// what must not have changed for an optimistic read stands together at the bottom, so that it compares with one shift. R is set
/// on resident pages only, so that one test tells a page that is resident and needs no reference bit.
/// D: the frame holds what no stored copy holds. R: read since the clock last passed. W: a thread is parked on the page; on a resident
/// page, which has pins then: threads sleep until a pin is given back (<see cref="LeaseEnds"/>). L is one of the state's bits that a
/// resident word does not need. It says that leases on the page are counted by looking at the word (<see cref="LeaseWatch"/>), not one by
/// one. It changes only while the page has no pins, so that a lease ends as it began.
/// A swapped word that names no stored page stands for a page that once had a frame, and holds what it did when it was untouched.
/// The version grows by one whenever a frame is filled and survives eviction, so that two residencies of a page in one
/// frame differ. It is never 0 again: 0 says that the memory of the word is new. Where its versions go on then is kept with the granule
/// of the table, or the chunk of nodes, whose memory was given back. Only this type changes the word.
///
/// Any thread may change Untouched, Swapped and Resident words by CAS. Filling and Evicting are claims: until the
/// claimant publishes the next state, others may only set W. Publishing is an exchange, since W may come meanwhile.
/// The exchange (release) pairs with the CAS or the volatile load of a thread that finds the page resident.
/// </remarks>
internal static unsafe partial class PageWord
{
    internal const int PinShift = 52;
    internal const int MaxPins = (1 << 12) - 1;
    internal const ulong PinOne = 1UL << PinShift;

    internal const ulong Referenced = 1;
    internal const ulong Waiters = 1UL << 51;
    internal const ulong Dirty = 1UL << 50;

    private const int StateShift = 1;
    internal const ulong StateMask = 15 << StateShift;
    internal const ulong Resident = (ulong)PageState.Resident << StateShift;
    internal const ulong Watched = 2UL << StateShift;
    private const ulong Filling = (ulong)PageState.Filling << StateShift;
    private const ulong Evicting = (ulong)PageState.Evicting << StateShift;
    private const ulong Swapped = (ulong)PageState.Swapped << StateShift;
    private const ulong Elsewhere = (ulong)PageState.Elsewhere << StateShift;

    private const int VersionLowShift = 5;
    private const int VersionLowBits = 7;
    internal const int MaxVersion = (1 << 15) - 1;
    private const int VersionHighShift = 42;
    private const ulong VersionLow = 0x7FUL << VersionLowShift;
    private const ulong VersionHigh = 0xFFUL << VersionHighShift;
    private const ulong VersionMask = VersionLow | VersionHigh;

    private const int StoredShift = 12;
    private const ulong OffsetMask = ((1UL << 30) - 1) << StoredShift;

    /// <summary>Frames lie within so many bytes.</summary>
    internal const long MaxOffset = (long)OffsetMask;

    /// <summary>The bits above those that must not have changed for an optimistic read: state, version and frame. The reference bit is
    /// among them where it was seen set: if the clock has cleared it since, it is to be set again.</summary>
    private const int BitsAboveIdentity = 14;

    internal static readonly Transitions Seen = new((int)PageState.Gone + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static PageState State(ulong word) => IsResident(word) ? PageState.Resident : (PageState)((word & StateMask) >> StateShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsResident(ulong word) => (word & Resident) != 0;

    /// <summary>Resident, and referenced since the clock last passed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsHot(ulong word) => (word & Referenced) != 0;

    /// <summary>Resident, and leases on it are not counted one by one. Stays so while there is a pin.</summary>
    internal static bool IsWatched(ulong word) => (word & (Resident | Watched)) == (Resident | Watched);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsClaimed(ulong word) => State(word) is PageState.Filling or PageState.Evicting;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Pins(ulong word) => (int)(word >> PinShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static long Offset(ulong word) => (long)(word & OffsetMask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Stored(ulong word) => (uint)((word & OffsetMask) >> StoredShift);

    /// <summary>Nothing is stored of the page, and it has no frame: it holds what untouched pages of its array do.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsUnstored(ulong word) =>
        State(word) == PageState.Untouched || (State(word) == PageState.Swapped && Stored(word) == 0);

    /// <summary>The page is stored, and has no frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsStored(ulong word) => (word & StateMask) == Swapped && Stored(word) != 0;

    /// <summary>What the replacement policy keeps of a swapped page.</summary>
    internal static int History(ulong word) => (int)(word >> PinShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Load(ulong* page) => Shared.Read(SharedWord.Page, page);

    /// <summary>The second look of an optimistic read: the barrier keeps the copied element before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsUnchanged(ulong* page, ulong word)
    {
        // Pairs with the fence between unpublishing a frame and its first overwriting (Evictor.Unbind).
        Volatile.ReadBarrier();
        TestHook.Reach(SharedWord.Page);
        return Difference(page, word) << BitsAboveIdentity == 0;
    }

    /// <summary>As <see cref="IsUnchanged"/>, without regard to the reference bit, which other readers and the clock change.</summary>
    internal static bool IsSamePage(ulong* page, ulong word)
    {
        Volatile.ReadBarrier();
        TestHook.Reach(SharedWord.Page);
        return ((*page ^ word) & ~Referenced) << BitsAboveIdentity == 0;
    }

    /// <summary>Resident → the same with one more pin, referenced, and with the flags. Races with pinners, the clock and evictors.</summary>
    /// <remarks>A pin count that is full would carry out of the word: the caller checks <see cref="MaxPins"/>.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryPin(ulong* page, ulong word, ulong flags) =>
        Shared.CompareExchange(SharedWord.Page, page, (word + PinOne) | flags, word) == word;

    /// <summary>Resident → Resident with one pin less. Only for a pin that the caller owns.</summary>
    internal static void Unpin(ulong* page)
    {
        ulong after = SubtractPin(page);

        // There was no pin to give back: the count went below zero, or the word is not resident at all. Or a thread waits for this.
        if ((after >> PinShift) == MaxPins || (after & (Waiters | Resident)) != Resident)
        {
            UnpinRarely(page, after);
        }
    }

    /// <summary><see cref="Unpin"/> for a lease: one that was counted is counted down.</summary>
    /// <param name="page">The page.</param>
    /// <param name="slot">Where it was counted, if it was.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void UnpinLease(ulong* page, int slot)
    {
        ulong after = SubtractPin(page);
        if ((after >> PinShift) == MaxPins || (after & (Waiters | Watched | Resident)) != (Watched | Resident))
        {
            UnpinLeaseRarely(page, after, slot);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong SubtractPin(ulong* page) => Shared.Add(SharedWord.Page, page, unchecked(0UL - PinOne));

    /// <summary>Resident with pins → the same with W, so that a thread that gives a pin back wakes the threads that wait for that. Races
    /// with pinners, unpinners and the clock.</summary>
    /// <returns>False when the page has no pins, or is not in the frame that was seen.</returns>
    /// <param name="page">The page.</param>
    /// <param name="seen">The word as it was seen.</param>
    /// <param name="isNew">Whether W was not set before: since a waiting thread last looked, a pin was taken or given back.</param>
    internal static bool TryAwaitUnpin(ulong* page, ulong seen, out bool isNew)
    {
        isNew = false;
        for (ulong word = seen; ; word = Load(page))
        {
            if (!IsResident(word) || Offset(word) != Offset(seen) || Pins(word) == 0)
            {
                return false;
            }

            if ((word & Waiters) != 0)
            {
                return true;
            }

            if (Shared.CompareExchange(SharedWord.Page, page, word | Waiters, word) == word)
            {
                isNew = true;
                return true;
            }
        }
    }

    /// <summary>Sets the reference bit; a lost race loses nothing but the hint.</summary>
    internal static void Reference(ulong* page, ulong word) => Shared.CompareExchange(SharedWord.Page, page, word | Referenced, word);

    /// <summary>The clock's second chance: clears the reference bit.</summary>
    internal static void Unreference(ulong* page, ulong word) => Shared.CompareExchange(SharedWord.Page, page, word & ~Referenced, word);

    /// <summary>Untouched or Swapped → Filling. Races with other faults, discards and the sweep of Dispose.</summary>
    internal static bool TryBeginFill(ulong* page, ulong word) => TryBeginFill(page, word, word);

    /// <summary>As <see cref="TryBeginFill(ulong*, ulong)"/>, for a word in new memory: <paramref name="from"/> is what it would be with
    /// the version that the memory before it came to, and what the claimant goes on with.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryBeginFill(ulong* page, ulong word, ulong from)
    {
        Debug.Assert(State(word) is PageState.Untouched or PageState.Swapped);
        ulong claim = NextVersion(from) | Filling;
        return Record(word, claim, Shared.CompareExchange(SharedWord.Page, page, claim, word) == word);
    }

    /// <summary>Filling → Resident, with one pin for the claimant, or without one for a page that is brought in for somebody else. Returns
    /// true when a thread waits.</summary>
    internal static bool CompleteFill(ulong* page, ulong word, long offset, ulong flags, ulong pins = PinOne)
    {
        ulong next = NextVersion(word) | (ulong)offset | pins | flags | Resident;
        return Publish(page, next, PageState.Filling);
    }

    /// <summary>Filling → what it was. The frame was never published, so the version may go back with it.</summary>
    internal static bool AbandonFill(ulong* page, ulong word) => Publish(page, word & ~Waiters, PageState.Filling);

    /// <summary>Filling → Swapped as something else, without a frame: a discard, where untouched pages are not zeroes.</summary>
    internal static bool CompleteFillAway(ulong* page, ulong word, uint stored) =>
        Publish(page, Away(word, stored, State(word) == PageState.Swapped ? History(word) : 0), PageState.Filling);

    /// <summary>Resident, clean, no pins → Swapped, unstored when there is no stored copy. The frame is the caller's.</summary>
    /// <remarks>Not untouched again: the evictor does not know the array, which counts the pages that are not untouched. Races with
    /// pinners: the expected word has no pins, is clean and names the frame.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryEvictClean(ulong* page, ulong word, uint stored, int history)
    {
        Debug.Assert(IsResident(word) && Pins(word) == 0 && (word & Dirty) == 0);
        ulong next = Away(word, stored, history);
        return Record(word, next, Shared.CompareExchange(SharedWord.Page, page, next, word) == word);
    }

    /// <summary>Resident, no pins → Evicting: exclusive. Races with pinners and other evictors.</summary>
    internal static bool TryBeginEvict(ulong* page, ulong word)
    {
        Debug.Assert(IsResident(word) && HasNoPins(word));
        ulong claim = (word & ~(StateMask | Referenced | ((ulong)MaxPins << PinShift))) | Evicting;
        return Record(word, claim, Shared.CompareExchange(SharedWord.Page, page, claim, word) == word);
    }

    /// <summary>Resident, watched, no pins → the same, not watched. Races with pinners and evictors.</summary>
    internal static bool TryUnwatch(ulong* page, ulong word)
    {
        Debug.Assert(IsWatched(word) && Pins(word) == 0);
        return Shared.CompareExchange(SharedWord.Page, page, word & ~Watched, word) == word;
    }

    /// <summary>Evicting → Swapped.</summary>
    internal static bool CompleteEvict(ulong* page, ulong word, uint stored, int history) =>
        Publish(page, Away(word, stored, history), PageState.Evicting);

    /// <summary>Evicting → Untouched: a discard, which claimed the page as an evictor does.</summary>
    internal static bool CompleteDiscard(ulong* page, ulong word) => Publish(page, word & VersionMask, PageState.Evicting);

    /// <summary>Evicting → Resident as it was (the pool had no room), or dirty now (its stored copy was dropped instead).</summary>
    internal static bool AbandonEvict(ulong* page, ulong word) => Publish(page, word & ~Waiters, PageState.Evicting);

    /// <summary>Evicting → Resident and clean, one version further, so that a thread that saw the page clean before it was last written
    /// does not take it for the same: the page was stored by the claimant, and stays in its frame.</summary>
    internal static bool CompleteStore(ulong* page, ulong word) =>
        Publish(page, NextVersion(word) | (word & ~(VersionMask | Waiters | Dirty)), PageState.Evicting);

    /// <summary>Swapped → Untouched without loading; the caller frees the stored page. Races with faults.</summary>
    internal static bool TryDiscardSwapped(ulong* page, ulong word)
    {
        Debug.Assert(State(word) == PageState.Swapped);
        ulong next = word & VersionMask;
        return Record(word, next, Shared.CompareExchange(SharedWord.Page, page, next, word) == word);
    }

    /// <summary>Untouched or Swapped → Dead: the sweep of Dispose; or Gone: it leaves the node. Races with faults that began before.</summary>
    internal static bool TryEnd(ulong* page, ulong word, PageState end)
    {
        Debug.Assert(State(word) is PageState.Untouched or PageState.Swapped);
        ulong next = Ended(word, end);
        return Record(word, next, Shared.CompareExchange(SharedWord.Page, page, next, word) == word);
    }

    /// <summary>Evicting → Dead or Gone, by the thread that claimed the page as an evictor does.</summary>
    internal static bool CompleteEnd(ulong* page, ulong word, PageState end) => Publish(page, Ended(word, end), PageState.Evicting);

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

            if (SaysWaiters(word))
            {
                return true;
            }

            if (Shared.CompareExchange(SharedWord.Page, page, word | Waiters, word) == word)
            {
                return true;
            }
        }
    }

    /// <summary>The version bits of a word, one version further. They stand in two places, and are not all zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong NextVersion(ulong word)
    {
        ulong low = ((word & VersionLow) + (1UL << VersionLowShift)) & VersionLow;
        ulong carry = low == 0 ? 1UL << VersionHighShift : 0;
        ulong next = low | (((word & VersionHigh) + carry) & VersionHigh);
        return next != 0 ? next : 1UL << VersionLowShift;
    }

    private static ulong Ended(ulong word, PageState end) => (word & VersionMask) | ((ulong)end << StateShift);

    /// <summary>What a page's word is when the page goes out of its frame.</summary>
    internal static ulong Away(ulong word, uint stored, int history) =>
        (word & VersionMask) | ((ulong)stored << StoredShift) | ((ulong)history << PinShift) | Swapped;

    private static bool Publish(ulong* page, ulong next, PageState from)
    {
        ulong before = Shared.Exchange(SharedWord.Page, page, next);
        // Zero: the array was disposed and its table's memory given back under a late claim, which is about to undo itself.
        Debug.Assert(State(before) == from || before == 0, "a claim is its owner's alone");
        Seen.Record((ulong)from, (ulong)State(next));
        return (before & Waiters) != 0;
    }

    private static bool Record(ulong from, ulong to, bool happened)
    {
        if (happened)
        {
            Seen.Record((ulong)State(from), (ulong)State(to));
        }

        return happened;
    }

    /// <summary>After the addition of <see cref="UnpinLease"/>: the lease was counted, or the word says what it says to
    /// <see cref="UnpinRarely"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UnpinLeaseRarely(ulong* page, ulong after, int slot)
    {
        // First, since a lease that is refused as given back twice stays counted.
        if ((after >> PinShift) == MaxPins || (after & (Waiters | Resident)) != Resident)
        {
            UnpinRarely(page, after);
        }

        // The bit has not changed since the lease was taken: its own pin was there.
        if ((after & Watched) == 0)
        {
            LeaseCounts.Remove(slot);
            if (LeaseTracker.IsAny)
            {
                LeaseTracker.End(slot, page);
            }
        }
    }

    /// <summary>After the addition of <see cref="Unpin"/>: its word says that this was one too many, or that threads wait for it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UnpinRarely(ulong* page, ulong after)
    {
        if ((after >> PinShift) == MaxPins || !IsResident(after))
        {
            RefusePin(page);
            return;
        }

        if (!TellsOfWaiters(after))
        {
            return;
        }

        // Cleared so that the next pins are fast again; a thread that still waits sets it again. By CAS on a resident word only: on a
        // claimed word W belongs to the threads that are parked there. Without our pin the page may be anywhere by now: then W went with
        // its word, and the signal is all that counts.
        for (ulong word = Load(page); IsResident(word) && (word & Waiters) != 0; word = Load(page))
        {
            if (Shared.CompareExchange(SharedWord.Page, page, word & ~Waiters, word) == word)
            {
                break;
            }
        }

        LeaseEnds.Signal();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RepairPin(ulong* page)
    {
        Interlocked.Add(ref *page, PinOne);
        throw new InvalidOperationException(
            "A lease was given back that was not out: it, or a copy of it, has been disposed before. Dispose each lease once.");
    }
}
