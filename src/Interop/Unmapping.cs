using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>munmap for whoever cannot do anything about a refusal.</summary>
/// <remarks>
/// <para>The system joins mappings that lie next to each other. To unmap what is then in the middle of one makes two of it, which it refuses
/// with ENOMEM to a process that has as many mappings as it may (vm.max_map_count). Such a range gives its memory back, and is kept here as
/// mere addresses until the next call finds fewer mappings.</para>
/// <para>Thread-safe, without locks: who works on a slot has taken its state to <see cref="Busy"/>. Of more ranges than there are slots, the
/// addresses are not used again.</para>
/// </remarks>
internal static unsafe class Unmapping
{
    private const int Slots = 256;

    // The states of a slot. Free to Busy and Kept to Busy by CAS, where all threads may race; from Busy to either by who took it there.
    private const int Free = 0;
    private const int Busy = 1;
    private const int Kept = 2;

    private static readonly Slot[] s_slots = new Slot[Slots];

    /// <summary>Slots that are kept; for a look without touching them.</summary>
    private static int s_kept;

    /// <summary>How many ranges wait for the system to take them.</summary>
    internal static int KeptCount => Volatile.Read(ref s_kept);

    /// <summary>Unmaps a range, now or later.</summary>
    internal static void Unmap(byte* address, nuint bytes)
    {
        RetryKept();
        if (MMap.munmap(address, bytes) != 0)
        {
            Debug.Assert(Marshal.GetLastPInvokeError() == Errno.ENOMEM, "a range of whole pages can be unmapped, but for the limit of mappings");
            _ = VirtualMemory.TryDecommit(address, bytes);
            Keep(address, bytes);
        }
    }

    /// <summary>Unmaps what has been kept, until the system refuses again.</summary>
    internal static void RetryKept()
    {
        if (KeptCount == 0)
        {
            return;
        }

        foreach (ref Slot slot in s_slots.AsSpan())
        {
            if (Volatile.Read(ref slot.State) != Kept || Interlocked.CompareExchange(ref slot.State, Busy, Kept) != Kept)
            {
                continue;
            }

            if (MMap.munmap((void*)slot.Address, slot.Bytes) != 0)
            {
                Volatile.Write(ref slot.State, Kept);
                return;
            }

            Interlocked.Decrement(ref s_kept);
            Volatile.Write(ref slot.State, Free);
        }
    }

    private static void Keep(byte* address, nuint bytes)
    {
        foreach (ref Slot slot in s_slots.AsSpan())
        {
            if (Volatile.Read(ref slot.State) == Free && Interlocked.CompareExchange(ref slot.State, Busy, Free) == Free)
            {
                (slot.Address, slot.Bytes) = ((nuint)address, bytes);
                Interlocked.Increment(ref s_kept);
                Volatile.Write(ref slot.State, Kept);
                return;
            }
        }
    }

    private struct Slot
    {
        internal int State;
        internal nuint Address;
        internal nuint Bytes;
    }
}
