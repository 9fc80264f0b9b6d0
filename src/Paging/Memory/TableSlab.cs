using System.Diagnostics;
using System.Numerics;
using Paging.Interop;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>A chunk of an arena, cut into slots for small tables of one size.</summary>
/// <remarks>A slot is free, taken, or closed. Closed means that it is not used any more, but that the finalizer of its array has not yet
/// given it up. Physical memory is given back as soon as no slot is taken. The gate of <see cref="TableMemory"/> guards the bits.</remarks>
internal sealed unsafe class TableSlab : TableHome
{
    internal const int Bytes = 64 << 10;

    /// <summary>The length of a slot is a multiple of this.</summary>
    internal const int SlotUnit = 64;

    private readonly TableMemory _owner;
    private readonly ulong[] _free;
    private readonly int _slots;
    private int _freeCount;
    private int _taken;

    /// <summary>Whether anything was written since the memory was last given back.</summary>
    private bool _isUsed;

    /// <param name="owner">Its gate guards the slab.</param>
    /// <param name="arena">Where the chunk comes from.</param>
    /// <param name="address">The chunk: zeroes, and writable.</param>
    /// <param name="slotBytes">A multiple of <see cref="SlotUnit"/>.</param>
    internal TableSlab(TableMemory owner, TableArena arena, byte* address, int slotBytes)
    {
        _owner = owner;
        Arena = arena;
        Address = address;
        SlotBytes = slotBytes;
        _slots = Bytes / slotBytes;
        _freeCount = _slots;
        _free = new ulong[(_slots + 63) / 64];
        for (int slot = 0; slot < _slots; slot++)
        {
            _free[slot >> 6] |= 1UL << slot;
        }
    }

    internal TableArena Arena { get; }

    internal byte* Address { get; }

    internal int SlotBytes { get; }

    /// <summary>Whether all slots are free. Under the gate.</summary>
    internal bool IsEmpty => _freeCount == _slots;

    /// <summary>Whether no slot is free. Under the gate.</summary>
    internal bool IsFull => _freeCount == 0;

    internal override void MakeWritable(byte* address, long bytes)
    {
        // A slab is writable from the start.
    }

    internal override void Populate(byte* address, long bytes) => VirtualMemory.Populate(address, (nuint)bytes);

    internal override void Close(byte* address, long bytes)
    {
        using Gate.Scope held = _owner.Gate.Enter();
        Debug.Assert(_taken > 0, "closed once");
        if (--_taken == 0)
        {
            DropUnsynchronized();
        }
    }

    internal override bool TryDrop(byte* address, long bytes) => false;

    internal override void GiveBack(byte* address, long bytes)
    {
        // No other thread has this slot. It is cleared before it is free, but only if it is not zeroes already: writing zeroes would take
        // memory again.
        var slot = new Span<byte>(address, SlotBytes);
        bool isUsed = slot.ContainsAnyExcept((byte)0);
        if (isUsed)
        {
            slot.Clear();
        }

        _owner.Free(this, address, isUsed);
    }

    /// <summary>Takes a free slot; there must be one. Under the gate.</summary>
    internal byte* TakeUnsynchronized()
    {
        int word = 0;
        while (_free[word] == 0)
        {
            word++;
        }

        int slot = (word << 6) + BitOperations.TrailingZeroCount(_free[word]);
        _free[word] &= _free[word] - 1;
        _freeCount--;
        _taken++;
        _isUsed = true;
        return Address + ((long)slot * SlotBytes);
    }

    /// <summary>Makes a slot free again. Under the gate.</summary>
    /// <param name="address">The slot.</param>
    /// <param name="isUsed">Whether it has memory.</param>
    internal void FreeUnsynchronized(byte* address, bool isUsed)
    {
        _isUsed |= isUsed;
        long slot = (address - Address) / SlotBytes;
        Debug.Assert((_free[slot >> 6] & (1UL << (int)slot)) == 0, "given back once");
        _free[slot >> 6] |= 1UL << (int)slot;
        _freeCount++;
        if (IsEmpty)
        {
            DropUnsynchronized();
        }
    }

    /// <summary>Gives the memory back. Only tables of closed arrays could still be read, and these may read as zeroes.</summary>
    private void DropUnsynchronized()
    {
        if (_isUsed)
        {
            _isUsed = !VirtualMemory.TryDecommit(Address, Bytes);
        }
    }
}
