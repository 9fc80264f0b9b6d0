using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The parts of page tables whose leases are counted by looking at their words when a caller asks, so that a lease on a hot page
/// costs nothing besides its pin. They are few, so that a look at all of them is short whatever the pager holds; on other pages, and on all
/// whose words are in nodes, leases are counted one by one (<see cref="LeaseCounts"/>).</summary>
/// <remarks>
/// A page is watched when its word says so; then the part of the table that it lies in is covered, here. Parts come in as they are faulted,
/// until <see cref="MaxParts"/> are covered. From then on a part is uncovered now and then while leases are being counted elsewhere, so
/// that hot parts come in.
///
/// A word comes to be watched only under a claim on its page, by a thread that looks whether the part is covered <i>after</i> its claim.
/// A thread that uncovers a part takes it out of <see cref="_covered"/> first, passes a full fence, and then looks at the words: one of the
/// two sees the other. If a page is claimed or pinned then, its whole part stays covered.
///
/// Where every frame is pinned, threads have to know whether the leases are their own, and a watched page does not tell: then nothing more
/// is covered for a while.
///
/// The list is guarded by the gate, and <see cref="_covered"/> is written under it and read by all.
/// </remarks>
internal sealed unsafe partial class LeaseWatch
{
    /// <summary>Parts of 512 words, four KiB each: so many can be read within 20 microseconds though they are in no cache near
    /// by.</summary>
    internal const int MaxParts = 48;

    /// <summary>How many rounds a suspension lasts, of <see cref="LeaseCounts.Period"/> leases each.</summary>
    private const int SuspendedRounds = 256;

    /// <summary>A power of two.</summary>
    private const int SettlePeriod = 16;

    /// <summary>Places of <see cref="_covered"/>: so many that two parts seldom meet in one.</summary>
    private const int PlaceBits = 10;

    private readonly Gate _gate = new();
    private readonly (nint First, int Words)[] _parts = new (nint, int)[MaxParts];

    /// <summary>The first word of each covered part, in the place that follows from its address; parts that meet another one there are not
    /// covered.</summary>
    private readonly nint[] _covered = new nint[1 << PlaceBits];

    private int _count;
    private int _next;

    /// <summary>A hint: racing increments may be lost.</summary>
    private int _settled;

    /// <summary>Above zero: no part comes in, for so many more rounds.</summary>
    private int _suspended;

    /// <summary>Parts covered.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>Whether a page may be watched: then its part of the table is looked at. The caller has a claim on the page if it acts on
    /// that.</summary>
    internal bool Covers(PagedRegion region, ulong* page)
    {
        if (!region.CanBeWatched || !region.Pages.Table.Contains(page))
        {
            return false;
        }

        int words = region.Pages.Table.PartOf(page, out ulong* first);
        nint found = Shared.Read(SharedWord.PageTable, ref _covered[PlaceOf(first)]);
        return found == (nint)first
            || (found == 0 && Count < MaxParts && Volatile.Read(ref _suspended) == 0 && TryCover(region, first, words));
    }

    /// <summary>Leases on watched pages, and the short pins of others there.</summary>
    internal long CountPins()
    {
        if (Count == 0)
        {
            return 0;
        }

        long pins = 0;
        using Gate.Scope held = _gate.Enter();
        for (int i = 0; i < _count; i++)
        {
            pins += CountPins((ulong*)_parts[i].First, _parts[i].Words);
        }

        return pins;
    }

    /// <summary>Now and then, where leases are counted one by one: makes room for another part, if there is none, by uncovering a part
    /// without leases.</summary>
    internal void Rotate()
    {
        if (Count < MaxParts && Volatile.Read(ref _suspended) == 0)
        {
            return;
        }

        using Gate.Scope held = _gate.Enter();
        if (_suspended > 0)
        {
            Volatile.Write(ref _suspended, _suspended - 1);
        }
        else if (_count == MaxParts)
        {
            _next = (_next + 1) % MaxParts;
            TryUncoverUnsynchronized(_next);
        }
    }

    /// <summary>Leases on watched pages may be the caller's own, and it has to know: uncovers the parts without leases, and covers nothing
    /// for a while.</summary>
    /// <param name="rounds">How long, in calls of <see cref="Rotate"/>.</param>
    internal void Suspend(int rounds = SuspendedRounds)
    {
        using Gate.Scope held = _gate.Enter();
        Volatile.Write(ref _suspended, rounds);
        UncoverAllUnsynchronized();
    }

    /// <summary>Goes on with what <see cref="Suspend"/> could not uncover because of leases, now and then. The caller holds no
    /// claim.</summary>
    internal void Settle()
    {
        if (Volatile.Read(ref _suspended) != 0 && Count != 0 && (++_settled & (SettlePeriod - 1)) == 0)
        {
            using Gate.Scope held = _gate.Enter();
            UncoverAllUnsynchronized();
        }
    }

    /// <summary>A table is about to be given back, and no thread has a claim in it.</summary>
    internal void Forget(ulong* words, long count)
    {
        using Gate.Scope held = _gate.Enter();
        for (int i = _count - 1; i >= 0; i--)
        {
            if (_parts[i].First >= (nint)words && _parts[i].First < (nint)(words + count))
            {
                RemoveUnsynchronized(i);
            }
        }
    }

    private void UncoverAllUnsynchronized()
    {
        for (int i = _count - 1; i >= 0; i--)
        {
            TryUncoverUnsynchronized(i);
        }
    }

    private static int PlaceOf(ulong* first) => (int)(((ulong)first >> 6) * 0x9E3779B97F4A7C15 >> (64 - PlaceBits));

    private bool TryCover(PagedRegion region, ulong* first, int words)
    {
        ref nint place = ref _covered[PlaceOf(first)];
        using Gate.Scope held = _gate.Enter();
        bool isCovered = place == (nint)first;
        if (place == 0 && _count < MaxParts && _suspended == 0)
        {
            region.WasWatched = true;
            _parts[_count] = ((nint)first, words);
            Shared.Write(SharedWord.PageTable, ref place, (nint)first);
            Volatile.Write(ref _count, _count + 1);
            isCovered = true;
        }

        return isCovered;
    }

    private void TryUncoverUnsynchronized(int index)
    {
        ulong* first = (ulong*)_parts[index].First;
        ref nint place = ref _covered[PlaceOf(first)];
        Shared.Write(SharedWord.PageTable, ref place, 0);

        // Pairs with the fence after the claim of a thread that makes a page watched.
        Interlocked.MemoryBarrier();
        for (int i = 0; i < _parts[index].Words; i++)
        {
            if (!TryUnwatch(first + i))
            {
                Shared.Write(SharedWord.PageTable, ref place, (nint)first);
                return;
            }
        }

        RemoveUnsynchronized(index);
    }

    /// <summary>False when a lease is on the page, or a claim, after which it may be watched.</summary>
    private static bool TryUnwatch(ulong* page)
    {
        while (true)
        {
            ulong word = PageWord.Load(page);
            if (MayComeWatched(word))
            {
                return false;
            }

            if (!PageWord.IsWatched(word))
            {
                return true;
            }

            if (PageWord.Pins(word) != 0)
            {
                return false;
            }

            if (PageWord.TryUnwatch(page, word))
            {
                return true;
            }
        }
    }

    private void RemoveUnsynchronized(int index)
    {
        Volatile.Write(ref _covered[PlaceOf((ulong*)_parts[index].First)], 0);
        Volatile.Write(ref _count, _count - 1);
        _parts[index] = _parts[_count];
        Debug.Assert(_count >= 0);
    }

    /// <remarks>Compiled with optimization from the start: until then such a loop takes five times as long, and a caller that asks once a
    /// frame would wait seconds for that.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long CountPins(ulong* words, int count)
    {
        const ulong Watched = PageWord.Resident | PageWord.Watched;
        ulong pins = 0;
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            // A word is read whole: eight bytes that do not straddle a cache line.
            Vector256<ulong> sums = default;
            Vector256<ulong> watched = Vector256.Create(Watched);
            for (; i <= count - Vector256<ulong>.Count; i += Vector256<ulong>.Count)
            {
                Vector256<ulong> four = Vector256.Load(words + i);
                sums += (four >> PageWord.PinShift) & Vector256.Equals(four & watched, watched);
            }

            pins = Vector256.Sum(sums);
        }

        for (; i < count; i++)
        {
            ulong word = Volatile.Read(ref words[i]);
            pins += PageWord.IsWatched(word) ? word >> PageWord.PinShift : 0;
        }

        return (long)pins;
    }
}
