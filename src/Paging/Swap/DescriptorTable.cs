using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Paging.Codecs;
using Paging.Interop;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>All swap descriptors of a pager, in a native table that grows without moving.</summary>
/// <remarks>
/// Ids are recycled through a lock-free stack whose head carries a tag against ABA. The id that a program gets is the index (low half) and
/// the descriptor's tag (high half), so that a freed id names nothing even after its descriptor is used again.
/// The life of a descriptor: taken (count 1, location None) → published (Segment or Pattern) → moved any number of times, lost or dropped
/// → last reference gone (tag + 1, count 0) → location exchanged for None → free list.
/// </remarks>
internal sealed unsafe partial class DescriptorTable
{
    /// <summary>8 GiB of address space: 1 TiB of stored 4 KiB pages, 4 TiB of 16 KiB ones.</summary>
    internal const long MaxDescriptors = 1L << 28;

    private const ulong PublicBit = 1UL << 31;
    private const ulong LoadedBit = 1UL << 30;
    private const ulong CountMask = LoadedBit - 1;

    /// <summary>In the details of a page in a segment, above the codec: it is redundant.</summary>
    internal const ulong RedundantBit = 1UL << 32;

    private readonly Reservation _memory;
    private readonly GrowingRange _range;
    private readonly Descriptor* _table;
    private ulong _free;
    private long _end = 1;

    internal DescriptorTable()
    {
        _memory = new Reservation(MaxDescriptors * Descriptor.Bytes, accessible: false);
        _range = new GrowingRange(_memory, 0, _memory.Bytes);
        _table = (Descriptor*)_memory.Address;
    }

    /// <summary>The most references of a page. Tests lower it.</summary>
    internal ulong MaxReferences { get; set; } = CountMask;

    /// <summary>Bytes of descriptors that have ever been in use.</summary>
    internal long Bytes
    {
        get
        {
            long used = Volatile.Read(ref _end) * Descriptor.Bytes;
            long unit = used <= Reservation.HugePageBytes ? VirtualMemory.SystemPageBytes : Reservation.HugePageBytes;
            return (used + unit - 1) / unit * unit;
        }
    }

    /// <summary>The bytes that the system refused when the table was last to grow; 0 when it granted them.</summary>
    internal long RefusedBytes => _memory.RefusedBytes;

    /// <summary>Takes a descriptor, with one reference and no location. 0 when the table is full, or the system refuses memory for
    /// it.</summary>
    internal uint Take(bool isPublic)
    {
        uint index = Pop();
        if (index == 0)
        {
            index = TakeFresh();
            if (index == 0)
            {
                return 0;
            }
        }

        Descriptor* descriptor = _table + index;
        ulong tag = Math.Max(1, descriptor->Life >> 32);
        descriptor->Location = 0;
        // Release: a thread that sees a reference here sees the location cleared.
        Volatile.Write(ref descriptor->Life, (tag << 32) | (isPublic ? PublicBit : 0) | 1);
        return index;
    }

    /// <summary>The id of a live descriptor, as programs and checksums know it.</summary>
    internal ulong Id(uint index) => (Volatile.Read(ref _table[index].Life) & ~0xFFFFFFFFUL) | index;

    /// <summary>The index behind a program's id; 0 unless the id was given out by Store and has a reference left.</summary>
    internal uint Find(ulong id)
    {
        uint index = (uint)id;
        if (!IsIndex(index))
        {
            return 0;
        }

        ulong life = Shared.Read(SharedWord.Descriptor, &_table[index].Life);
        return life >> 32 == id >> 32 && (life & PublicBit) != 0 && (life & CountMask) != 0 ? index : 0;
    }

    internal bool IsIndex(uint index) => index != 0 && index < (ulong)Volatile.Read(ref _end);

    /// <summary>The location of a descriptor. Acquires the writes before its publication: the detail words, the entry in the
    /// segment.</summary>
    internal Location Locate(uint index)
    {
        return new Location(Shared.Read(SharedWord.Descriptor, &_table[index].Location));
    }

    /// <summary>One past the highest index that was ever taken.</summary>
    internal uint End => (uint)Math.Min(Volatile.Read(ref _end), MaxDescriptors);

    /// <summary>Whether any page lies in a segment. Looks at every descriptor, so it is only for when something is wrong.</summary>
    internal bool IsAnyIn(int segment)
    {
        long end = Volatile.Read(ref _end);
        for (uint index = 1; index < end; index++)
        {
            Location location = Locate(index);
            if (location.Where == Location.Kind.Segment && location.Segment == segment)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The size that the page of a descriptor adds to the sums, at a location that the descriptor had a moment ago.</summary>
    internal EntrySize SizeAt(uint index, Location location)
    {
        ulong lengths = _table[index].Detail0;
        ulong details = _table[index].Detail1;
        bool isRedundant = (details & RedundantBit) != 0;
        return location.IsRecompressed
            ? EntrySize.Recompressed(location.Units, (int)(uint)lengths, isRedundant)
            : EntrySize.Stored(
                location.Units, (int)(lengths >> 32), (int)(uint)lengths, (Codec)(uint)details == Codec.Raw, isRedundant);
    }

    /// <summary>Whether the page is redundant: its owner can have it from elsewhere. Said when it is stored, and true of a page in a
    /// segment or dropped from there. Of a page at a location that is read before this and does not change afterwards, it is
    /// right.</summary>
    internal bool IsRedundant(uint index) =>
        Locate(index).Where is Location.Kind.Segment or Location.Kind.Dropped && (_table[index].Detail1 & RedundantBit) != 0;

    /// <summary>Notes that a page has been loaded. If its descriptor is another page's by now, that page looks warm for a while.</summary>
    /// <remarks>The word has just been read for the id, so this costs next to nothing except the first time.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void NoteLoaded(uint index)
    {
        if ((Shared.Read(SharedWord.Descriptor, &_table[index].Life) & LoadedBit) == 0)
        {
            Shared.Or(SharedWord.Descriptor, &_table[index].Life, LoadedBit);
        }
    }

    /// <summary>Whether a page has been loaded since it was stored or since the last call. Clears the mark.</summary>
    internal bool TakeLoaded(uint index)
    {
        if ((Shared.Read(SharedWord.Descriptor, &_table[index].Life) & LoadedBit) == 0)
        {
            return false;
        }

        return (Shared.And(SharedWord.Descriptor, &_table[index].Life, ~LoadedBit) & LoadedBit) != 0;
    }

    /// <summary>Prefetches a descriptor whose life word is about to change.</summary>
    internal void Prefetch(uint index)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(_table + index);
        }
    }

    internal (ulong First, ulong Second) Details(uint index) => (_table[index].Detail0, _table[index].Detail1);

    /// <summary>None → Segment or Pattern: by the thread that took the descriptor.</summary>
    internal void Publish(uint index, Location location, ulong detail0, ulong detail1)
    {
        Descriptor* descriptor = _table + index;
        descriptor->Detail0 = detail0;
        descriptor->Detail1 = detail1;
        // Release: pairs with Locate. A thread that sees the location sees the entry and the details.
        Shared.Write(SharedWord.Descriptor, &descriptor->Location, location.Word);
    }

    /// <summary>Segment → Segment, when a mover has moved the entry; Segment → Lost, when it cannot be read; Segment → Dropped, when it is
    /// redundant and its room is wanted. Races with other movers, which may fail by it, and with Free.</summary>
    internal bool TryMove(uint index, Location from, Location to)
    {
        return Shared.CompareExchange(SharedWord.Descriptor, &_table[index].Location, to.Word, from.Word) == from.Word;
    }

    /// <summary>n → n+1 references, never from 0. Races with the last release, after which the tag differs.</summary>
    /// <exception cref="InvalidOperationException">There are 2³⁰−1 references, the most there can be.</exception>
    internal bool TryAddReference(ulong id)
    {
        bool isAdded = TryAddReference(id, out bool isFull);
        if (isFull)
        {
            throw new InvalidOperationException(
                $"Page {id:x} has {MaxReferences:N0} references, the most there can be. Free some of them first.");
        }

        return isAdded;
    }

    /// <summary>As <see cref="TryAddReference(ulong)"/>, for a thread that can do without.</summary>
    /// <param name="id">Index and tag.</param>
    /// <param name="isFull">Whether there are as many references as there can be, and none was added.</param>
    internal bool TryAddReference(ulong id, out bool isFull)
    {
        isFull = false;
        Descriptor* descriptor = _table + (uint)id;
        while (true)
        {
            ulong life = Shared.Read(SharedWord.Descriptor, &descriptor->Life);
            if (IsGone(life, id))
            {
                return false;
            }

            isFull = (life & CountMask) >= MaxReferences;
            if (isFull)
            {
                return false;
            }

            if (Shared.CompareExchange(SharedWord.Descriptor, &descriptor->Life, life + 1, life) == life)
            {
                return true;
            }
        }
    }

    /// <summary>The life word of a page to which the caller may add a reference: see <see cref="TryAddReferenceAt"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong LifeOf(uint index) => Shared.Read(SharedWord.Descriptor, &_table[index].Life);

    /// <summary>n → n + 1 references by one CAS from a life word that was read before. Races with everybody who changes references, and
    /// with loads, which leave a mark there.</summary>
    /// <returns>False also when there are as many references as there can be.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryAddReferenceAt(uint index, ulong life) =>
        !IsGone(life, life) && (life & CountMask) < MaxReferences
        && Shared.CompareExchange(SharedWord.Descriptor, &_table[index].Life, life + 1, life) == life;

    /// <summary>Whether a page has several references, a moment ago.</summary>
    internal bool IsShared(uint index) => (Shared.Read(SharedWord.Descriptor, &_table[index].Life) & CountMask) > 1;

    /// <summary>n → n−1 references. With the last one the tag moves on, so that the id names nothing any more.</summary>
    /// <param name="id">Index and tag.</param>
    /// <param name="last">True when the caller must now take the location out and recycle the descriptor.</param>
    /// <returns>False when the id is not live.</returns>
    internal bool TryRelease(ulong id, out bool last)
    {
        NoteReleasing((uint)id);
        Descriptor* descriptor = _table + (uint)id;
        while (true)
        {
            ulong life = Shared.Read(SharedWord.Descriptor, &descriptor->Life);
            last = (life & CountMask) == 1;
            if (life >> 32 != id >> 32 || (life & CountMask) == 0)
            {
                return false;
            }

            ulong next = last ? ((life >> 32) + 1) << 32 : life - 1;
            if (Shared.CompareExchange(SharedWord.Descriptor, &descriptor->Life, next, life) == life)
            {
                return true;
            }
        }
    }

    /// <summary>Takes the current location out of a descriptor without references. After that no mover can change it.</summary>
    internal Location TakeLocation(uint index) => AsTaken(new Location(Shared.Exchange(SharedWord.Descriptor, &_table[index].Location, 0)));

    /// <summary>Puts a descriptor without references or location in front of a chain that only the caller has.</summary>
    /// <param name="index">The descriptor.</param>
    /// <param name="first">The first descriptor of the chain; 0 when it is empty.</param>
    /// <param name="last">The last descriptor of the chain.</param>
    internal void Link(uint index, ref uint first, ref uint last)
    {
        Debug.Assert((_table[index].Life & CountMask) == 0);
        _table[index].Location = (ulong)first << 2;
        first = index;
        last = last == 0 ? index : last;
    }

    /// <summary>Puts a descriptor without references or location on the free list.</summary>
    internal void Recycle(uint index) => Recycle(index, index);

    /// <summary>Puts a chain of descriptors without references or location on the free list. Races with the same by other threads, and with
    /// takers.</summary>
    internal void Recycle(uint first, uint last)
    {
        Debug.Assert((_table[last].Life & CountMask) == 0);
        while (true)
        {
            ulong head = Shared.Read(SharedWord.DescriptorList, ref _free);
            _table[last].Location = (ulong)(uint)head << 2;
            if (Shared.CompareExchange(SharedWord.DescriptorList, ref _free, (((head >> 32) + 1) << 32) | first, head) == head)
            {
                return;
            }
        }
    }

    internal void DecommitAll() => _memory.DecommitAll();

    internal void Release() => _memory.Release();

    /// <summary>Takes a descriptor that was never used. n → n + 1 by CAS, after the memory for it is there, so that a thread may look at
    /// every descriptor up to the end. Races with other takers.</summary>
    private uint TakeFresh()
    {
        while (true)
        {
            long end = Shared.Read(SharedWord.DescriptorList, ref _end);
            if (end >= MaxDescriptors || !_range.TryReach((end + 1) * Descriptor.Bytes))
            {
                return 0;
            }

            if (Shared.CompareExchange(SharedWord.DescriptorList, ref _end, end + 1, end) == end)
            {
                return (uint)end;
            }
        }
    }

    private uint Pop()
    {
        while (true)
        {
            ulong head = Shared.Read(SharedWord.DescriptorList, ref _free);
            if ((uint)head == 0)
            {
                return 0;
            }

            // Another thread may pop this descriptor now. The link is then garbage, and the tag makes the CAS fail.
            ulong next = (Volatile.Read(ref _table[(uint)head].Location) >> 2) & uint.MaxValue;
            if (Shared.CompareExchange(SharedWord.DescriptorList, ref _free, (((head >> 32) + 1) << 32) | next, head) == head)
            {
                return (uint)head;
            }
        }
    }
}
