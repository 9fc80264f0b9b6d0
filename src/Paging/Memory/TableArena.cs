using System.Diagnostics;
using Paging.Interop;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>Address space for large tables, and for slabs of small ones. All of it can be read at any time, as zeroes where nothing was
/// written. Its units become writable as tables are touched.</summary>
/// <remarks>
/// A unit that is writable stays writable, because the clock may be about to compare and exchange a word of a table that is long gone.
/// Units are so coarse that an arena has few mappings, whatever is touched. Free ranges are kept in a list, in order of address, and
/// neighbours are joined; the gate of <see cref="TableMemory"/> guards the list.
/// </remarks>
internal sealed unsafe class TableArena : TableHome
{
    /// <summary>The most units of an arena: each can be a mapping of its own.</summary>
    private const int MaxUnits = 512;

    private const long HugePage = Reservation.HugePageBytes;

    private readonly TableMemory _owner;
    private readonly Reservation _memory;
    private readonly List<(long Offset, long Bytes)> _free;
    private readonly long _unitBytes;

    /// <summary>No free range is longer than this, and all may be shorter. Under the gate of the owner.</summary>
    private long _largestFree = long.MaxValue;

    /// <summary>1 where a unit is writable. Set by the thread that has made it writable, and never cleared. To make a unit writable twice
    /// does no harm.</summary>
    private readonly byte[] _writable;

    /// <summary>1 where huge pages are asked for, by blocks of a huge page. A block belongs to one table. Set by the thread that is about to
    /// write all of it, and cleared by one that gives a part of it back; several may do so.</summary>
    private readonly byte[] _huge;

    internal TableArena(TableMemory owner, long bytes)
    {
        _owner = owner;
        _memory = new Reservation(bytes, accessible: false, sparse: true);

        // Tables are touched here and there: with huge pages, eight bytes would take 2 MiB.
        _memory.Advise(0, _memory.Bytes, huge: false);
        if (!_memory.TryMakeReadable())
        {
            _memory.Release();
            throw VirtualMemory.Refused(bytes, "address space for page tables", error: 0);
        }

        _unitBytes = (((_memory.Bytes + MaxUnits - 1) / MaxUnits) + HugePage - 1) / HugePage * HugePage;
        _writable = new byte[(_memory.Bytes + _unitBytes - 1) / _unitBytes];
        _huge = new byte[(_memory.Bytes + HugePage - 1) / HugePage];
        _free = [(0, _memory.Bytes)];
    }

    internal byte* Address => _memory.Address;

    internal long Bytes => _memory.Bytes;

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

            // Release: a thread that finds it set may write to the unit.
            Volatile.Write(ref _writable[unit], 1);
        }
    }

    /// <summary>Asks for huge pages where the range covers them as a whole, since all of it is about to be written.</summary>
    internal override void Populate(byte* address, long bytes)
    {
        MakeWritable(address, bytes);
        long offset = address - Address;
        for (long block = (offset + HugePage - 1) / HugePage; (block + 1) * HugePage <= offset + bytes; block++)
        {
            _memory.Advise(block * HugePage, HugePage, huge: true);
            // Behind the advice: if the table was closed meanwhile, it is taken back when the addresses are given back.
            Volatile.Write(ref _huge[block], 1);
        }

        VirtualMemory.Populate(address, (nuint)bytes);
    }

    /// <summary>Gives the physical memory back; late readers find zeroes.</summary>
    internal override void Close(byte* address, long bytes) => _ = TryDrop(address, bytes);

    internal override bool TryDrop(byte* address, long bytes)
    {
        // First: the system would fill a hole in memory for which huge pages are asked, and a table that is written here and there may have
        // the addresses next.
        long offset = address - Address;
        for (long block = offset / HugePage; block * HugePage < offset + bytes; block++)
        {
            if (Shared.Read(SharedWord.Counter, ref _huge[block]) != 0)
            {
                _memory.Advise(block * HugePage, Math.Min(HugePage, Bytes - (block * HugePage)), huge: false);
                Volatile.Write(ref _huge[block], 0);
            }
        }

        return VirtualMemory.TryDecommit(address, (nuint)bytes);
    }

    internal override void GiveBack(byte* address, long bytes)
    {
        // Late claims may have brought some of it back. If the system keeps the memory, it is not zeroes, and is never used again.
        if (TryDrop(address, bytes))
        {
            _owner.Free(this, address, bytes);
        }
    }

    /// <summary>Takes a part of the first free range that is long enough. Under the gate of the owner.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="alignment">The address is a multiple of this, a power of two.</param>
    /// <returns>Null when there is none.</returns>
    internal byte* TryTakeUnsynchronized(long bytes, long alignment)
    {
        if (_largestFree < bytes)
        {
            return null;
        }

        long largest = 0;
        for (int i = 0; i < _free.Count; i++)
        {
            (long offset, long length) = _free[i];
            long start = (offset + alignment - 1) & -alignment;
            long end = offset + length;
            if (start + bytes <= end)
            {
                _free.RemoveAt(i);
                if (end > start + bytes)
                {
                    _free.Insert(i, (start + bytes, end - start - bytes));
                }

                if (start > offset)
                {
                    _free.Insert(i, (offset, start - offset));
                }

                return Address + start;
            }

            largest = Math.Max(largest, length);
        }

        _largestFree = largest;
        return null;
    }

    /// <summary>Makes a range free again. Under the gate of the owner.</summary>
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

        _largestFree = Math.Max(_largestFree, bytes);
    }

    internal void DecommitAll() => _ = VirtualMemory.TryDecommit(Address, (nuint)Bytes);

    internal void Release() => _memory.Release();
}
