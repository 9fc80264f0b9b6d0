using System.Numerics;
using Paging.Diagnostics;
using Paging.Interop;

namespace Paging.Memory;

/// <summary>Address space for page tables, in powers of two. It is reused, and never unmapped before the pager's memory goes.</summary>
/// <remarks>The clock reads page words through frame records that may be out of date. It may find the table of another array
/// there, and since no two pages name the same frame, believes the word if it names the frame that it came from.</remarks>
internal sealed unsafe class TableMemory
{
    private const long SlabBytes = 64L << 20;

    private readonly Gate _gate = new();
    private readonly List<Reservation> _reservations = [];
    private readonly Stack<nint>[] _free = new Stack<nint>[64];
    private byte* _slab;
    private long _slabLeft;

    /// <returns>Zeroed memory, of which nothing is committed.</returns>
    internal byte* Take(long bytes, out long taken)
    {
        taken = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, VirtualMemory.SystemPageBytes));
        int size = BitOperations.Log2((ulong)taken);
        _gate.Enter();
        try
        {
            if (_free[size] is { Count: > 0 } free)
            {
                return (byte*)free.Pop();
            }

            if (taken > SlabBytes / 4)
            {
                return Reserve(taken);
            }

            if (_slabLeft < taken)
            {
                _slab = Reserve(SlabBytes);
                _slabLeft = SlabBytes;
            }

            byte* address = _slab;
            _slab += taken;
            _slabLeft -= taken;
            return address;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Gives physical memory back; the range reads as zeroes.</summary>
    internal static void Decommit(byte* address, long taken) => _ = VirtualMemory.TryDecommit(address, (nuint)taken);

    /// <summary>Gives back a range that <see cref="Take"/> gave, and that no array uses any more.</summary>
    internal void GiveBack(byte* address, long taken)
    {
        Decommit(address, taken);
        int size = BitOperations.Log2((ulong)taken);
        _gate.Enter();
        try
        {
            (_free[size] ??= new Stack<nint>()).Push((nint)address);
        }
        finally
        {
            _gate.Exit();
        }
    }

    internal void DecommitAll() => _reservations.ForEach(static reservation => reservation.DecommitAll());

    internal void Release() => _reservations.ForEach(static reservation => reservation.Release());

    private byte* Reserve(long bytes)
    {
        var reservation = new Reservation(bytes, accessible: true);
        // Touched here and there: a huge page under it would take 2 MiB for eight bytes.
        reservation.Advise(0, reservation.Bytes, huge: false);
        _reservations.Add(reservation);
        return reservation.Address;
    }
}
