using System.Numerics;
using Paging.Interop;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>Address space for page tables. It is used again for tables of any size, and never unmapped before the memory of the pager
/// is.</summary>
/// <remarks>
/// The clock finds page words through frame records that may be out of date. So it may read a word in the table of another array. Since no
/// two pages name the same frame, it relies on a word that names the frame whose record it came from.
///
/// The addresses of a closed table wait for the finalizer of its array, since a late reader may still read them. When many wait, or the
/// system has no more, a collection is brought about.
/// </remarks>
/// <param name="maxWaiting">How many bytes of addresses may wait before a collection is brought about.</param>
internal sealed unsafe class TableMemory(long maxWaiting = TableMemory.DefaultMaxWaiting)
{
    /// <summary>Longer tables get an arena of their own, if no existing arena has room.</summary>
    private const long MaxSharedBytes = ArenaBytes / 4;
    private const long ArenaBytes = 64L << 20;

    /// <summary>So many addresses of disposed arrays may wait for a collection: a hundredth of the address space of a process.</summary>
    private const long DefaultMaxWaiting = 1L << 40;

    /// <summary>How long to wait for finalizers: this many times a short while, until enough addresses have come back.</summary>
    private const int MaxWaits = 50;
    private const int WaitMilliseconds = 20;

    /// <summary>The smallest first, so that a table goes where there is just room, and the large ones stay whole for large tables.</summary>
    private readonly List<TableArena> _arenas = [];

    /// <summary>The slabs with free slots, by the size of their slots.</summary>
    private readonly List<TableSlab>[] _slabs = new List<TableSlab>[(int)(MaxSlotBytes / TableSlab.SlotUnit) + 1];

    /// <summary>The thread that runs finalizers, if it has been seen: it must not wait for itself.</summary>
    private static int s_finalizerThread;

    private readonly object _returned = new();
    private long _reservedBytes;
    private long _waitingBytes;

    /// <summary>Tables of up to this many bytes are slots of slabs.</summary>
    internal const long MaxSlotBytes = 4 << 10;

    /// <summary>Guards arenas and slabs. A thread inside waits for nothing.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>Address space held.</summary>
    internal long ReservedBytes => Volatile.Read(ref _reservedBytes);

    /// <summary>Addresses of disposed tables that wait for their array's finalizer.</summary>
    internal long WaitingBytes => Volatile.Read(ref _waitingBytes);

    /// <summary>Takes addresses for a table.</summary>
    /// <returns>Memory that reads as zeroes. None of it may be written to before <see cref="TableHome.MakeWritable"/>.</returns>
    /// <exception cref="InsufficientMemoryException">The system has no more address space.</exception>
    internal byte* Take(long bytes, out TableHome home, out long taken)
    {
        long unit = bytes <= MaxSlotBytes ? TableSlab.SlotUnit : VirtualMemory.SystemPageBytes;
        taken = (bytes + unit - 1) / unit * unit;
        if (WaitingBytes + taken > maxWaiting)
        {
            CollectWaiting();
        }

        try
        {
            return TakeOnce(taken, out home);
        }
        catch (InsufficientMemoryException) when (CollectWaiting())
        {
            return TakeOnce(taken, out home);
        }
    }

    /// <summary>Closes the table of an array that is closed.</summary>
    internal void Close(TableHome home, byte* address, long bytes)
    {
        Shared.Add(SharedWord.Counter, ref _waitingBytes, bytes);
        home.Close(address, bytes);
    }

    /// <summary>To be called by the thread that runs finalizers.</summary>
    internal static void NoteFinalizerThread() => Volatile.Write(ref s_finalizerThread, Environment.CurrentManagedThreadId);

    /// <summary>Gives back a table that was <see cref="Close">closed</see>. To be called by the finalizer of its array.</summary>
    internal void GiveBack(TableHome home, byte* address, long bytes)
    {
        home.GiveBack(address, bytes);
        Interlocked.Add(ref _waitingBytes, -bytes);
        if (bytes > MaxSharedBytes)
        {
            lock (_returned)
            {
                Monitor.PulseAll(_returned);
            }
        }
    }

    /// <summary>Gives back a table that no array ever used.</summary>
    internal static void Undo(TableHome home, byte* address, long bytes)
    {
        home.Close(address, bytes);
        home.GiveBack(address, bytes);
    }

    internal void Free(TableArena arena, byte* address, long bytes)
    {
        using Gate.Scope held = Gate.Enter();
        arena.FreeUnsynchronized(address, bytes);
    }

    internal void Free(TableSlab slab, byte* address, bool isUsed)
    {
        using Gate.Scope held = Gate.Enter();
        List<TableSlab> open = Slabs(slab.SlotBytes);
        bool wasFull = slab.IsFull;
        slab.FreeUnsynchronized(address, isUsed);
        if (wasFull)
        {
            open.Add(slab);
        }

        // One empty slab stays, for the next table of its size.
        if (slab.IsEmpty && open.Count > 1)
        {
            open.Remove(slab);
            slab.Arena.FreeUnsynchronized(slab.Address, TableSlab.Bytes);
        }
    }

    internal void DecommitAll() => _arenas.ForEach(static arena => arena.DecommitAll());

    internal void Release() => _arenas.ForEach(static arena => arena.Release());

    private byte* TakeOnce(long bytes, out TableHome home)
    {
        using Gate.Scope held = Gate.Enter();
        if (bytes > MaxSlotBytes)
        {
            byte* address = TakeRangeUnsynchronized(bytes, out TableArena arena);
            home = arena;
            return address;
        }

        List<TableSlab> open = Slabs((int)bytes);
        if (open.Count == 0)
        {
            open.Add(MakeSlabUnsynchronized((int)bytes));
        }

        TableSlab slab = open[^1];
        home = slab;
        byte* slot = slab.TakeUnsynchronized();
        if (slab.IsFull)
        {
            open.RemoveAt(open.Count - 1);
        }

        return slot;
    }

    private TableSlab MakeSlabUnsynchronized(int slotBytes)
    {
        byte* chunk = TakeRangeUnsynchronized(TableSlab.Bytes, out TableArena arena);
        try
        {
            arena.MakeWritable(chunk, TableSlab.Bytes);
            return new TableSlab(this, arena, chunk, slotBytes);
        }
        catch
        {
            arena.FreeUnsynchronized(chunk, TableSlab.Bytes);
            throw;
        }
    }

    private byte* TakeRangeUnsynchronized(long bytes, out TableArena arena)
    {
        // Large tables begin where a huge page does, so that those that are written as a whole can have huge pages.
        long alignment = bytes > Reservation.HugePageBytes ? Reservation.HugePageBytes : VirtualMemory.SystemPageBytes;
        foreach (TableArena candidate in _arenas)
        {
            byte* address = candidate.TryTakeUnsynchronized(bytes, alignment);
            if (address != null)
            {
                arena = candidate;
                return address;
            }
        }

        arena = new TableArena(this, bytes > MaxSharedBytes ? RoundUp(bytes) : ArenaBytes);
        long length = arena.Bytes;
        int larger = _arenas.FindIndex(other => other.Bytes > length);
        _arenas.Insert(larger < 0 ? _arenas.Count : larger, arena);
        Volatile.Write(ref _reservedBytes, _reservedBytes + length);
        return arena.TryTakeUnsynchronized(bytes, alignment);
    }

    /// <summary>Rounds up to a multiple of an eighth of a power of two, so that a slightly longer table fits there later.</summary>
    private static long RoundUp(long bytes)
    {
        long step = (long)BitOperations.RoundUpToPowerOf2((ulong)bytes) / 16;
        return (bytes + step - 1) / step * step;
    }

    private List<TableSlab> Slabs(int slotBytes) => _slabs[slotBytes / TableSlab.SlotUnit] ??= [];

    /// <summary>Brings a collection about, so that disposed arrays are finalized and their addresses come back. The caller is in no
    /// gate.</summary>
    /// <returns>Whether any have come back.</returns>
    private bool CollectWaiting()
    {
        long before = WaitingBytes;
        if (before == 0 || TestHook.Interleaver is not null || Volatile.Read(ref s_finalizerThread) == Environment.CurrentManagedThreadId)
        {
            return false;
        }

        GC.Collect();
        bool interrupted = false;
        lock (_returned)
        {
            // Half is enough, since other threads may dispose of arrays at the same time. The wait has an end, since a finalizer of the
            // program may hold up all others.
            for (int i = 0; i < MaxWaits && WaitingBytes > before / 2; i++)
            {
                try
                {
                    Monitor.Wait(_returned, WaitMilliseconds);
                }
                catch (ThreadInterruptedException)
                {
                    interrupted = true;
                }
            }
        }

        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }

        return WaitingBytes < before;
    }
}
