using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>A part of a reservation that is used from its beginning, and committed as its end moves. However long it is, it takes two
/// mappings, and only what is used counts.</summary>
/// <remarks>Thread-safe. What is committed stays so.</remarks>
internal sealed class GrowingRange
{
    /// <summary>How much is committed at once: little at first, so that a small pager stays small; later a huge page at a time.</summary>
    private const int SmallStep = 64 << 10;

    private readonly Gate _gate = new();
    private readonly Reservation _memory;
    private readonly long _first;
    private readonly long _bytes;

    /// <summary>How much is committed. Written under the gate, read by all threads. It only grows.</summary>
    private long _committed;

    /// <param name="memory">The reservation. Nothing of the part is committed.</param>
    /// <param name="offset">Where the part begins, rounded down to a system page. Neighbours may share the page.</param>
    /// <param name="bytes">How long the part can become.</param>
    internal GrowingRange(Reservation memory, long offset, long bytes)
    {
        _memory = memory;
        _first = offset / Interop.VirtualMemory.SystemPageBytes * Interop.VirtualMemory.SystemPageBytes;
        _bytes = Math.Min(memory.Bytes, offset + bytes + Interop.VirtualMemory.SystemPageBytes - 1) - _first;
        _bytes -= _bytes % Interop.VirtualMemory.SystemPageBytes;
    }

    /// <summary>Makes sure that everything below an offset of the reservation can be written.</summary>
    /// <returns>False when the system refuses: nothing has changed.</returns>
    internal bool TryReach(long end) => end - _first <= Shared.Read(SharedWord.Counter, ref _committed) || TryGrow(end - _first);

    private bool TryGrow(long wanted)
    {
        using Gate.Scope held = _gate.Enter();
        while (_committed < wanted)
        {
            bool huge = _committed >= Reservation.HugePageBytes;
            long step = Math.Min(huge ? Reservation.HugePageBytes : SmallStep, _bytes - _committed);
            if (step <= 0 || !_memory.TryCommit(_first + _committed, step, huge))
            {
                return false;
            }

            Volatile.Write(ref _committed, _committed + step);
        }

        return true;
    }
}
