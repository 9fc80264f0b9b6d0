using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>How many leases are out, by pager and by thread, of those that are counted one by one: on pages that are not watched
/// (<see cref="LeaseWatch"/>). Such a lease costs two plain additions to memory of its own thread, and finding that memory.</summary>
/// <remarks>A lease is a ref struct: the thread that took it gives it back, so no addition is interlocked. Sums over the threads
/// are exact when no thread is at work. A pager has a slot, a thread a row of slots; the row of a thread that has ended goes to the next
/// one that takes a lease, so there are no more rows than there have been threads at once. A page's word also counts the short pins of
/// setters and copies, which end within the call and are not counted here. Something that is pinned by one thread and unpinned by another
/// needs a count of its own beside these.</remarks>
internal static unsafe class LeaseCounts
{
    /// <summary>Slots of a row: pagers at once that are counted. The first is shared by all pagers beyond that, whose leases are counted by
    /// looking at their pages.</summary>
    internal const int Slots = 128;

    internal const int SharedSlot = 0;

    /// <summary>Once in so many leases of a thread <see cref="Add"/> says so. A power of two.</summary>
    internal const int Period = 4096;

    /// <summary>After the others, in the same row: all leases that the thread has ever counted.</summary>
    private const int TakenSlot = Slots;

    private static readonly Gate s_gate = new(isOfProcess: true);

    /// <summary>For threads without memory for a row of their own: its additions may race, and then a figure is off.</summary>
    private static readonly Row s_common = new() { IsCommon = true };

    private static readonly List<Row> s_rows = [s_common];
    private static readonly bool[] s_taken = new bool[Slots];

    /// <summary>Leases that threads had out when they ended: never given back.</summary>
    private static readonly long[] s_leaked = new long[Slots];

    /// <summary>How many rows there are: no more than threads have been alive at once.</summary>
    internal static int Rows
    {
        get
        {
            using Gate.Scope held = s_gate.Enter();
            return s_rows.Count;
        }
    }

    /// <summary>The calling thread's row; null until it takes its first lease. Plain memory that only this thread writes.</summary>
    [ThreadStatic]
    private static nint s_counts;

    /// <summary>The calling thread has taken a lease, which it owes a <see cref="Remove"/>.</summary>
    /// <param name="slot">The pager's slot.</param>
    /// <param name="pinned">The page that the lease has pinned: given back if the lease cannot be counted.</param>
    /// <returns>True once in <see cref="Period"/> times.</returns>
    internal static bool Add(int slot, ulong* pinned)
    {
        long* counts = s_counts == 0 ? AttachFor(pinned) : (long*)s_counts;
        ++counts[slot];
        return (++counts[TakenSlot] & (Period - 1)) == 0;
    }

    /// <summary>The calling thread has given back a lease that it had <see cref="Add">added</see>.</summary>
    internal static void Remove(int slot)
    {
        // A thread that had no memory for a row of its own when it took the lease may have one now: then only the sum is right.
        long* counts = s_counts == 0 ? s_common.Address : (long*)s_counts;
        --counts[slot];
    }

    /// <summary>Leases of one pager, or of all that share a slot, that the calling thread has out.</summary>
    internal static long OfThisThread(int slot) => s_counts == 0 ? 0 : ((long*)s_counts)[slot];

    /// <summary>Leases out by all threads.</summary>
    internal static long Sum(int slot)
    {
        using Gate.Scope held = s_gate.Enter();
        return SumUnsynchronized(slot);
    }

    /// <summary>A slot for a pager's leases, and what is left in it of pagers that were dropped with leases out; <see cref="SharedSlot"/>
    /// when all are taken.</summary>
    internal static (int Slot, long Before) TakeSlot()
    {
        using Gate.Scope held = s_gate.Enter();
        for (int slot = SharedSlot + 1; slot < Slots; slot++)
        {
            if (!s_taken[slot])
            {
                s_taken[slot] = true;
                return (slot, SumUnsynchronized(slot));
            }
        }

        return (SharedSlot, 0);
    }

    /// <summary>Gives a slot back when no lease of its pager can be given back any more.</summary>
    internal static void GiveSlotBack(int slot)
    {
        using Gate.Scope held = s_gate.Enter();
        s_taken[slot] = false;
    }

    private static long SumUnsynchronized(int slot)
    {
        long sum = s_leaked[slot];
        foreach (Row row in s_rows)
        {
            sum += Volatile.Read(ref row.Counts[slot]);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long* AttachFor(ulong* pinned)
    {
        bool complete = false;
        try
        {
            long* counts = Attach();
            complete = true;
            return counts;
        }
        finally
        {
            if (!complete)
            {
                PageWord.Unpin(pinned);
            }
        }
    }

    private static long* Attach()
    {
        using Gate.Scope held = s_gate.Enter();
        try
        {
            Row? row = null;
            foreach (Row candidate in s_rows)
            {
                if (!candidate.IsCommon && (!candidate.Owner.TryGetTarget(out Thread? owner) || !owner.IsAlive))
                {
                    row = candidate;
                    for (int slot = 0; slot < Slots; slot++)
                    {
                        s_leaked[slot] += row.Counts[slot];
                        row.Counts[slot] = 0;
                    }

                    row.Owner.SetTarget(Thread.CurrentThread);
                    break;
                }
            }

            if (row is null)
            {
                TestHook.MayFail(FailurePoint.Allocation);
                row = new Row();
                s_rows.Add(row);
            }

            s_counts = (nint)row.Address;
            return row.Address;
        }
        catch (OutOfMemoryException)
        {
            // The page is pinned already, and its lease must come to be. The next one of this thread tries again.
            return s_common.Address;
        }
    }

    /// <summary>A thread's counts, in memory that does not move. Kept by the list; the thread only points at it.</summary>
    private sealed class Row
    {
        internal long[] Counts { get; } = GC.AllocateArray<long>(Slots + 1, pinned: true);

        internal long* Address => (long*)Unsafe.AsPointer(ref Counts[0]);

        internal WeakReference<Thread> Owner { get; } = new(Thread.CurrentThread);

        internal bool IsCommon { get; init; }
    }
}
