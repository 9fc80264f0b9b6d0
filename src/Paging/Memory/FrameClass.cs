using System.Numerics;
using System.Runtime.InteropServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>The frames of one page size: a part of the address space as large as the whole budget can become, in which granules get
/// memory.</summary>
/// <remarks>Frames are numbered through all classes, so that the number of a frame also says its size, and the word of a page names exactly
/// one frame of the pager. This class hands frames out; the reclaimer decides what is in them.</remarks>
internal sealed unsafe partial class FrameClass
{
    /// <summary>The most frames of a class that are kept clean.</summary>
    internal const int MaxKeptClean = 4;

    private readonly FramePool _pool;
    private readonly FrameStack _free;
    private readonly Reservation _memory;
    private readonly long _offset;
    private long _lead;
    private bool _storesClean;
    private Figures _now;

    /// <param name="pool">All frames of the pager.</param>
    /// <param name="pageBytes">The page size.</param>
    /// <param name="firstFrame">The number of the first frame.</param>
    /// <param name="offset">Where that frame lies in <paramref name="memory"/>.</param>
    /// <param name="memory">The address space of all classes.</param>
    /// <param name="records">The records of all frames.</param>
    /// <param name="tables">Zeroes for the tables of the class, <see cref="TableBytes"/> of them.</param>
    internal FrameClass(
        FramePool pool, int pageBytes, long firstFrame, long offset, Reservation memory, Reservation records, byte* tables)
    {
        _pool = pool;
        PageBytes = pageBytes;
        PageShift = BitOperations.Log2((uint)pageBytes);
        FirstFrame = firstFrame;
        ReservedFrames = pool.ReservedBytes >> PageShift;
        Records = (FrameRecord*)records.Address;
        byte* words = (byte*)Records + (firstFrame * FrameRecord.Bytes) + FrameRecord.ReplacementOffset;
        Replacement = new Replacement((uint*)words, FrameRecord.Bytes, tables, ReservedFrames) { Reach = 0 };
        Replacement.Retune(MaxFrames);
        Forecast = new FrameForecast(MaxFrames, pageBytes, pool.ForecastRests);
        _free = new FrameStack(Records);
        _memory = memory;
        _offset = offset;
        Granules = new FrameGranules(
            pool,
            this,
            _free,
            memory,
            new GrowingRange(records, firstFrame * FrameRecord.Bytes, ReservedFrames * FrameRecord.Bytes),
            tables + Replacement.RingBytes(ReservedFrames));
    }

    internal int PageBytes { get; }

    internal int PageShift { get; }

    /// <summary>Frames of this class are numbered from here.</summary>
    internal long FirstFrame { get; }

    /// <summary>The most frames that the class can ever have: there are numbers, addresses and records for so many.</summary>
    internal long ReservedFrames { get; }

    /// <summary>As many frames would take the whole budget as it is now.</summary>
    internal long MaxFrames => _pool.LimitBytes >> PageShift;

    /// <summary>Which of them have memory.</summary>
    internal FrameGranules Granules { get; }

    internal FrameRecord* Records { get; }

    /// <summary>The address that the offsets in page words count from: the same for all classes.</summary>
    internal byte* Base => _memory.Address;

    /// <summary>So many frames may not become dirty while the pool cannot take a raw page (rule 8).</summary>
    internal int KeptClean => MaxFrames >= 32 ? MaxKeptClean : MaxFrames >= 8 ? 2 : 1;

    /// <summary>Frames that have memory.</summary>
    internal long Frames => Granules.Frames;

    internal long FreeFrames => _free.Count;

    /// <summary>One past the last frame that has memory.</summary>
    internal long End => Granules.End;

    /// <summary>Frames whose contents are stored nowhere, and claims that are about to make such a frame.</summary>
    internal long DirtyFrames => Volatile.Read(ref _now.Dirty);

    /// <summary>Faults since the mix of page sizes was last looked at. A hint: racing increments may be lost.</summary>
    internal ref long Pressure => ref _now.Pressure;

    /// <summary>When <see cref="Lead"/> has changed last; a timestamp. A hint.</summary>
    internal long LeadChanged
    {
        get => Volatile.Read(ref _now.LeadChanged);
        set => Volatile.Write(ref _now.LeadChanged, value);
    }

    /// <summary>Frames that the background has freed since somebody asked last. A hint.</summary>
    internal long FreedAhead
    {
        get => Volatile.Read(ref _now.FreedAhead);
        set => Volatile.Write(ref _now.FreedAhead, value);
    }

    /// <summary>Frames to be kept free ahead of demand beyond the least, because faults have come faster. A hint.</summary>
    internal long Lead
    {
        get => Volatile.Read(ref _lead);
        set => Volatile.Write(ref _lead, value);
    }

    /// <summary>Whether the last clean page that was evicted was stored, as those of a file are while the pool has room: that takes as long
    /// as storing a dirty one. A hint. Set where it changes only, since every fault may read it.</summary>
    internal bool StoresClean
    {
        get => Volatile.Read(ref _storesClean);
        set
        {
            if (Volatile.Read(ref _storesClean) != value)
            {
                Volatile.Write(ref _storesClean, value);
            }
        }
    }

    /// <summary>Bytes of the tables that a class of so many frames needs.</summary>
    internal static long TableBytes(long frames, int pageBytes, int granuleBytes) =>
        Replacement.RingBytes(frames) + FrameGranules.TableBytes(frames, pageBytes, granuleBytes);

    internal byte* Address(long frame) => Base + OffsetOf(frame);

    /// <summary>What a page word says of a frame.</summary>
    internal long OffsetOf(long frame) => _offset + ((frame - FirstFrame) << PageShift);

    /// <summary>The frame of this class at an offset that a page word names.</summary>
    internal long FrameAt(long offset) => FirstFrame + ((offset - _offset) >> PageShift);

    /// <summary>Whether an address lies in a frame of this class.</summary>
    internal bool Contains(byte* address) => (ulong)(address - (Base + _offset)) < (ulong)ReservedFrames << PageShift;

    internal FrameRecord* RecordOf(long offset) => Records + FrameAt(offset);

    /// <summary>Hot frames whose pages' words have been prefetched, to be looked at by the next fault, numbered from 0; −1 for
    /// none.</summary>
    internal long[] AheadOfHand { get; } = NoneAhead();

    /// <summary>Says which frame goes next. It numbers the frames of the class from 0.</summary>
    internal Replacement Replacement { get; }

    /// <summary>The budget has changed.</summary>
    internal void NoteBudget() => Replacement.Retune(MaxFrames);

    /// <summary>Commits one more granule if the budget has room for one.</summary>
    internal bool TryGrow() => Granules.TryGrow();

    /// <summary>Whether a frame below <see cref="End"/> has memory now.</summary>
    internal bool HasMemory(long frame) => Granules.HasMemory(frame);

    private static long[] NoneAhead()
    {
        long[] ahead = new long[Replacement.ChecksPerFault];
        for (int i = 0; i < ahead.Length; i++)
        {
            ahead[i] = -1;
        }

        return ahead;
    }

    /// <summary>Says what more frames would save.</summary>
    internal FrameForecast Forecast { get; }

    /// <summary>Takes a free frame.</summary>
    /// <returns>The frame, or −1 when there is none.</returns>
    internal long TakeFree()
    {
        while (true)
        {
            long frame = _free.Pop();
            if (frame < 0 || !Granules.IsDraining(frame))
            {
                return frame;
            }

            GiveBack(frame);
        }
    }

    /// <summary>Gives back a frame that nothing refers to any more. Its record must be clear.</summary>
    internal void GiveBack(long frame)
    {
        if (!Granules.IsDraining(frame) || !Granules.TrySetAside(frame))
        {
            _free.Push(frame);
        }
    }

    /// <summary>Counts a page that is about to become dirty.</summary>
    /// <param name="capacity">Frames that the class has or could have.</param>
    /// <param name="force">True to count it in any case, since the pool has room.</param>
    /// <returns>False when it would take one of the frames kept clean.</returns>
    internal bool TryReserveDirty(long capacity, bool force)
    {
        if (MayDirtyAny(force))
        {
            Shared.Increment(SharedWord.Counter, ref _now.Dirty);
            return true;
        }

        // By CAS, not by adding and taking back: a count that is about to be taken back must not make another thread be refused.
        long dirty = DirtyFrames;
        while (capacity - (dirty + 1) >= KeptClean)
        {
            long found = Shared.CompareExchange(SharedWord.Counter, ref _now.Dirty, dirty + 1, dirty);
            if (found == dirty)
            {
                return true;
            }

            dirty = found;
        }

        return false;
    }

    /// <summary>A page is not dirty any more, or does not become so.</summary>
    internal void ReleaseDirty() => Shared.Decrement(SharedWord.Counter, ref _now.Dirty);

    /// <summary>What changes with faults, in a cache line of its own: the fields beside it are read by every thread.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 2 * CacheLine.Bytes)]
    private struct Figures
    {
        [FieldOffset(CacheLine.Bytes)]
        internal long Dirty;

        [FieldOffset(CacheLine.Bytes + 8)]
        internal long Pressure;

        [FieldOffset(CacheLine.Bytes + 16)]
        internal long FreedAhead;

        [FieldOffset(CacheLine.Bytes + 24)]
        internal long LeadChanged;
    }
}
