using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Codecs;

/// <summary>Codec contexts that all threads of the process share: one is taken for one page, and given back.</summary>
/// <remarks>
/// <para>There are as many contexts as have ever been in use at the same time, and at most twice as many as processors. So a thread that
/// loses its processor in the middle of a page does not keep the others from working, and a thousand threads take no more than a few
/// contexts.</para>
/// <para>A thread that finds all contexts taken waits for another thread, which encodes or decodes one page in memory and meanwhile waits
/// for nothing itself. A thread first tries the context that it had last.</para>
/// </remarks>
/// <typeparam name="T">The context.</typeparam>
/// <param name="create">Makes one; null when the system has no memory for it.</param>
/// <param name="slots">How many there can be.</param>
internal sealed class ContextPool<T>(Func<T?> create, int slots)
    where T : class, IDisposable
{
    /// <summary>So many contexts stay even if no thread has used them for a while.</summary>
    internal const int Kept = 2;

    /// <summary>After this many pages on one context, the thread that uses it looks for idle ones. A power of two.</summary>
    internal const int PagesBetweenLooks = 4096;

    private const int SpinRounds = 20;

    private readonly Slot[] _slots = new Slot[slots];
    private readonly Condition _returned = new();
    private int _waiters;

    /// <summary>How many there can be.</summary>
    internal int Slots => _slots.Length;

    /// <summary>How many there are. For tests, when no thread is at work.</summary>
    internal int Count => _slots.Count(static slot => slot.Context is not null);

    /// <summary>Takes a context. The caller must <see cref="GiveBack">give it back</see>, and must not wait for anything before
    /// that.</summary>
    /// <param name="hint">In: the number of the context that the thread had last. Out: the number of this one.</param>
    /// <returns>Null when the system has no memory for one: then there is nothing to give back.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T? Take(ref int hint)
    {
        ref Slot slot = ref _slots[hint];

        // Free → taken: races with all other threads. Acquires what the thread before has left in the context.
        if (slot.Context is not null && Interlocked.CompareExchange(ref slot.Taken, 1, 0) == 0)
        {
            if (slot.Context is { } context && !TestHook.RefusesMemory && (++slot.Pages & (PagesBetweenLooks - 1)) != 0)
            {
                return context;
            }

            return Settle(hint);
        }

        return TakeSlow(ref hint);
    }

    /// <summary>Gives a context back, and wakes a thread that waits for one.</summary>
    /// <param name="hint">As <see cref="Take"/> has left it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void GiveBack(int hint)
    {
        // Taken → free, by the thread that has it. Pairs with the increment of the waiters: either this thread sees the waiter, or the
        // waiter sees the slot free.
        Interlocked.Exchange(ref _slots[hint].Taken, 0);
        Fences.AfterInterlocked();
        if (Volatile.Read(ref _waiters) != 0)
        {
            WakeOne();
        }
    }

    /// <summary>Gives back the memory of all contexts that are not in use.</summary>
    internal void Trim()
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            if (TryTake(i))
            {
                Drop(ref _slots[i]);
                GiveBack(i);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T? TakeSlow(ref int hint)
    {
        if (TestHook.RefusesMemory)
        {
            return null;
        }

        Spinner spinner = default;
        while (!TryTakeAny(ref hint))
        {
            if (spinner.Count >= SpinRounds)
            {
                Park(ref hint);
                break;
            }

            spinner.Once();
        }

        return Settle(hint);
    }

    /// <summary>Takes a slot: one whose context exists, if such a one is free, else any free one.</summary>
    private bool TryTakeAny(ref int hint)
    {
        for (int i = 0; i < _slots.Length; i++)
        {
            int number = (hint + i) % _slots.Length;
            if (Volatile.Read(ref _slots[number].Context) is not null && TryTake(number))
            {
                hint = number;
                return true;
            }
        }

        for (int number = 0; number < _slots.Length; number++)
        {
            if (TryTake(number))
            {
                hint = number;
                return true;
            }
        }

        return false;
    }

    private bool TryTake(int number) =>
        Volatile.Read(ref _slots[number].Taken) == 0 && Interlocked.CompareExchange(ref _slots[number].Taken, 1, 0) == 0;

    private void Park(ref int hint)
    {
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        Interlocked.Increment(ref _waiters);
        Fences.AfterInterlocked();
        while (!TryTakeAny(ref hint))
        {
            _returned.Wait(ref interrupted);
        }

        Interlocked.Decrement(ref _waiters);
        _returned.Exit(interrupted);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void WakeOne()
    {
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        _returned.Pulse();
        _returned.Exit(interrupted);
    }

    /// <summary>What is not done for each page: makes the context if there is none, and looks for idle ones now and then. The caller has
    /// taken the slot.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T? Settle(int number)
    {
        ref Slot slot = ref _slots[number];
        T? context = null;
        try
        {
            context = TestHook.RefusesMemory ? null : slot.Context ??= create();
        }
        finally
        {
            if (context is null)
            {
                GiveBack(number);
            }
        }

        if (context is not null && (slot.Pages & (PagesBetweenLooks - 1)) == 0)
        {
            DropIdle();
        }

        return context;
    }

    /// <summary>Gives back the memory of contexts that have not been used since the last look.</summary>
    private void DropIdle()
    {
        for (int i = Kept; i < _slots.Length; i++)
        {
            ref Slot slot = ref _slots[i];
            if (Volatile.Read(ref slot.Context) is not null && TryTake(i))
            {
                if (slot.Pages == slot.Seen)
                {
                    Drop(ref slot);
                }

                slot.Seen = slot.Pages;
                GiveBack(i);
            }
        }
    }

    private static void Drop(ref Slot slot)
    {
        slot.Context?.Dispose();
        slot.Context = null;
    }

    /// <summary>What belongs to one context, on cache lines of its own.</summary>
    private struct Slot
    {
        /// <summary>1 while a thread has taken it. Changed to 1 by CAS, back to 0 by exchange.</summary>
        internal int Taken;

        /// <summary>Written by the thread that has taken the slot. Others may read it, but rely on it only once they have taken the
        /// slot.</summary>
        internal T? Context;

        /// <summary>How often it was taken at once, by a thread that had it last, modulo 2³². For the thread that has taken the
        /// slot.</summary>
        internal uint Pages;

        /// <summary>The value of <see cref="Pages"/> when a thread last looked for idle contexts. For the thread that has taken the
        /// slot.</summary>
        internal uint Seen;
#pragma warning disable IDE0051, CS0169, CA1823 // Never read: it keeps the next slot off these cache lines.
        private readonly Padding _padding;
#pragma warning restore IDE0051, CS0169, CA1823
    }

    [InlineArray(14)]
    private struct Padding
    {
        private long _word;
    }
}
