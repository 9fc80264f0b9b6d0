using System.Diagnostics;
using Paging.Interop;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>Address space for large tables and for slabs of small ones. All of it can be read at any time, as zeroes where nothing was
/// written, and becomes writable by units as tables are touched.</summary>
/// <remarks>
/// A unit that is writable stays so: the clock may be about to compare and exchange a word of a table that is long gone. Units are coarse
/// enough that the mappings of an arena are few whatever is touched. What is free is a list of ranges in order of address, joined where
/// they meet, under the gate of <see cref="TableMemory"/>.
/// </remarks>
internal sealed unsafe class TableArena : TableHome
{
    /// <summary>Of which an arena has this many at most: each can be a mapping of its own.</summary>
    private const int MaxUnits = 512;

    private readonly TableMemory _owner;
    private readonly Reservation _memory;
    private readonly List<(long Offset, long Bytes)> _free;
    private readonly long _unitBytes;

    /// <summary>1 where a unit is writable. Set, and never cleared, by whoever has made it so; making it so twice does nothing.</summary>
    private readonly byte[] _writable;

    internal TableArena(TableMemory owner, long bytes)
    {
        _owner = owner;
        _memory = new Reservation(bytes, accessible: false, sparse: true);

        // Touched here and there: a huge page under it would take 2 MiB for eight bytes.
        _memory.Advise(0, _memory.Bytes, huge: false);
        if (!_memory.TryMakeReadable(0, _memory.Bytes))
        {
            _memory.Release();
            throw VirtualMemory.Refused(bytes, "address space for page tables", error: 0);
        }

        const long Huge = Reservation.HugePageBytes;
        _unitBytes = (((_memory.Bytes + MaxUnits - 1) / MaxUnits) + Huge - 1) / Huge * Huge;
        _writable = new byte[(_memory.Bytes + _unitBytes - 1) / _unitBytes];
        _free = [(0, _memory.Bytes)];
    }

    internal byte* Address => _memory.Address;

    internal long Bytes => _memory.Bytes;

    /// <summary>What is free in one piece, at most: an upper bound, under the owner's gate.</summary>
    internal long LargestFree { get; private set; } = long.MaxValue;

    internal override void MakeWritable(byte* address, long bytes)
    {
        long first = (address - Address) / _unitBytes;
        long last = (address + bytes - 1 - Address) / _unitBytes;
        for (long unit = first; unit <= last; unit++)
        {
            if (Shared.Read(SharedWord.Counter, ref _writable[unit]) != 0)
            {
                continue;
            }

            long offset = unit * _unitBytes;
            long length = Math.Min(_unitBytes, Bytes - offset);
            if (!_memory.TryCommit(offset, length, huge: false))
            {
                throw VirtualMemory.Refused(length, "memory for a page table", error: 0);
            }

            // Release: who finds it set may write.
            Volatile.Write(ref _writable[unit], 1);
        }
    }

    /// <summary>Gives the physical memory back; late readers find zeroes.</summary>
    internal override bool Close(byte* address, long bytes) => VirtualMemory.TryDecommit(address, (nuint)bytes);

    internal override bool TryDrop(byte* address, long bytes) => VirtualMemory.TryDecommit(address, (nuint)bytes);

    internal override void GiveBack(byte* address, long bytes)
    {
        // Late claims may have brought some of it back. What the system keeps is not zeroes, and not used again.
        if (VirtualMemory.TryDecommit(address, (nuint)bytes))
        {
            _owner.Free(this, address, bytes);
        }
    }

    /// <summary>The first range that is long enough. Under the owner's gate.</summary>
    internal byte* TryTakeUnsynchronized(long bytes)
    {
        if (LargestFree < bytes)
        {
            return null;
        }

        long largest = 0;
        for (int i = 0; i < _free.Count; i++)
        {
            (long offset, long length) = _free[i];
            if (length >= bytes)
            {
                if (length == bytes)
                {
                    _free.RemoveAt(i);
                }
                else
                {
                    _free[i] = (offset + bytes, length - bytes);
                }

                return Address + offset;
            }

            largest = Math.Max(largest, length);
        }

        LargestFree = largest;
        return null;
    }

    /// <summary>Under the owner's gate.</summary>
    internal void FreeUnsynchronized(byte* address, long bytes)
    {
        long offset = address - Address;
        int low = 0;
        int high = _free.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _free[middle].Offset < offset ? (middle + 1, high) : (low, middle);
        }

        Debug.Assert(low == _free.Count || offset + bytes <= _free[low].Offset, "given back once");
        if (low < _free.Count && _free[low].Offset == offset + bytes)
        {
            bytes += _free[low].Bytes;
            _free.RemoveAt(low);
        }

        if (low > 0 && _free[low - 1].Offset + _free[low - 1].Bytes == offset)
        {
            _free[low - 1] = (_free[low - 1].Offset, _free[low - 1].Bytes + bytes);
            bytes = _free[low - 1].Bytes;
        }
        else
        {
            _free.Insert(low, (offset, bytes));
        }

        LargestFree = Math.Max(LargestFree, bytes);
    }

    internal void DecommitAll() => _ = VirtualMemory.TryDecommit(Address, (nuint)Bytes);

    internal void Release() => _memory.Release();
}
