using System.Diagnostics;
using System.Runtime.InteropServices;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The word of a page that lies alone in its granule: 32 bytes, so that none straddles a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal unsafe struct PageNode
{
    internal const int Bytes = 32;

    /// <summary>The page's word (<see cref="PageWord"/>), at the node's own address.</summary>
    internal ulong Word;

    /// <summary>Where the page's word is in the linear table, which says whose page it is. Written while the word is Gone, and read by any
    /// thread. It means something only as long as the word cannot be Gone: in the locked granule, or after a pin or claim on the
    /// word.</summary>
    internal ulong* Home;

    /// <summary>The next node of the granule, written under its lock. A thread that reads it without the lock then looks at the home. In a
    /// node that is not in use, the next free one of the chunk.</summary>
    internal uint Next;
}

/// <summary>The nodes of a pager, in chunks of 4 KiB each. Their addresses stay until the pager's memory goes, and can be read at any time
/// after their first use; a chunk's memory goes back when none of its nodes is in use.</summary>
/// <remarks>The versions of a node's words go on from one page to the next, and from chunk memory that was given back to what comes in its
/// place, so that two residencies through one node differ (rule 3). Numbers of nodes count from 1. The gate, a
/// leaf in the order of locks, guards which are in use.</remarks>
internal sealed unsafe class PageNodes
{
    /// <summary>1 GiB of address space. Beyond that, granules are linear.</summary>
    private const int MaxNodes = 1 << 25;
    private const int ChunkShift = 7;
    private const int ChunkNodes = 1 << ChunkShift;
    private const int ChunkBytes = ChunkNodes * PageNode.Bytes;

    /// <summary>Made writable at once.</summary>
    private const int StepBytes = 64 << 10;
    private const int MaxChunks = MaxNodes >> ChunkShift;

    private readonly Gate _gate = new();
    private readonly Reservation _memory;
    private readonly Reservation _records;
    private readonly GrowingRange _recordRange;
    private readonly PageNode* _nodes;
    private readonly Chunk* _chunks;

    /// <summary>The first chunk with a free node, plus 1. Nodes come from there.</summary>
    private int _open;
    private int _end;
    private long _writable;
    private long _bytes;
    private int _used;

    internal PageNodes()
    {
        _memory = new Reservation((long)MaxNodes * PageNode.Bytes, accessible: false, sparse: true);
        try
        {
            _records = new Reservation((long)MaxChunks * Chunk.Bytes, accessible: false);
        }
        catch
        {
            _memory.Release();
            throw;
        }

        _recordRange = new GrowingRange(_records, 0, _records.Bytes);
        _nodes = (PageNode*)_memory.Address;
        _chunks = (Chunk*)_records.Address;
    }

    /// <summary>Memory of chunks in use.</summary>
    internal long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Nodes in use.</summary>
    internal int Count => Volatile.Read(ref _used);

    internal PageNode* this[uint node] => _nodes + (node - 1);

    /// <summary>Whose word a node holds, if it is in use.</summary>
    internal static ulong* HomeOf(ulong* word) => (ulong*)Shared.Read(SharedWord.Node, (nint*)&((PageNode*)word)->Home);

    /// <summary>The next node of a granule's chain.</summary>
    internal uint Next(uint node) => Shared.Read(SharedWord.Node, &this[node]->Next);

    /// <summary>Links a node of the caller's. The caller has locked the granule.</summary>
    internal void SetNext(uint node, uint next) => Shared.Write(SharedWord.Node, &this[node]->Next, next);

    /// <summary>A node with an untouched page in it. 0 when there are as many as there can be, or when the system refuses memory.</summary>
    internal uint Take(ulong* home)
    {
        using Gate.Scope held = _gate.Enter();
        if (_open == 0 && !TryAddChunkUnsynchronized())
        {
            return 0;
        }

        int number = _open - 1;
        Chunk* chunk = _chunks + number;
        uint node;
        if (chunk->Free != 0)
        {
            node = ((uint)number << ChunkShift) + chunk->Free;
            chunk->Free = (ushort)this[node]->Next;
        }
        else
        {
            node = ((uint)number << ChunkShift) + ++chunk->Touched;
            Volatile.Write(ref _bytes, _bytes + (chunk->Touched == 1 ? ChunkBytes : 0));
        }

        _used++;
        if (++chunk->Used == ChunkNodes)
        {
            _open = chunk->Next;
        }

        // Home before the word: a thread that has pinned or claimed the page sees whose it is. A thread that came for another page sees the
        // word changed.
        PageNode* taken = this[node];
        Shared.Write(SharedWord.Node, (nint*)&taken->Home, (nint)home);
        PageWord.Revive(&taken->Word, chunk->Version);
        return node;
    }

    /// <summary>Gives back a node whose word is Gone and that no granule links any more.</summary>
    internal void Free(uint node)
    {
        Debug.Assert(PageWord.State(this[node]->Word) == PageState.Gone);
        using Gate.Scope held = _gate.Enter();
        int number = (int)((node - 1) >> ChunkShift);
        Chunk* chunk = _chunks + number;
        TestHook.Reach(SharedWord.Node);
        Volatile.Write(ref *(nint*)&this[node]->Home, 0);
        Volatile.Write(ref this[node]->Next, chunk->Free);
        chunk->Free = (ushort)(node - ((uint)number << ChunkShift));
        _used--;
        bool wasFull = chunk->Used-- == ChunkNodes;

        // The chunk that nodes are taken from stays as it is, or one page that comes and goes would take memory anew each time.
        int empty = wasFull ? _open - 1 : number;
        if (wasFull)
        {
            chunk->Next = _open;
            _open = number + 1;
        }

        if (empty >= 0 && empty != _open - 1 && _chunks[empty].Used == 0 && _chunks[empty].Touched != 0)
        {
            DropUnsynchronized(empty);
        }
    }

    internal void DecommitAll() => _memory.DecommitAll();

    internal void Release()
    {
        _memory.Release();
        _records.Release();
    }

    private bool TryAddChunkUnsynchronized()
    {
        long end = (_end + 1L) * ChunkBytes;
        if (_end == MaxChunks || !_recordRange.TryReach((_end + 1L) * Chunk.Bytes))
        {
            return false;
        }

        if (end > _writable)
        {
            if (!_memory.TryCommit(_writable, StepBytes, huge: false))
            {
                return false;
            }

            _writable += StepBytes;
        }

        _open = ++_end;
        return true;
    }

    /// <summary>Gives back the memory of a chunk that holds no page. Late readers find untouched pages, and keep no claim: a thread that
    /// claims a node keeps the claim only if the node holds the page that it came for.</summary>
    private void DropUnsynchronized(int number)
    {
        Chunk* chunk = _chunks + number;
        if (Versions.TryAdvance((byte*)(_nodes + ((long)number << ChunkShift)), ChunkNodes, PageNode.Bytes, chunk->Version, out int version)
            && _memory.TryDecommit((long)number * ChunkBytes, ChunkBytes))
        {
            chunk->Version = (ushort)version;
            chunk->Free = 0;
            chunk->Touched = 0;
            Volatile.Write(ref _bytes, _bytes - ChunkBytes);
        }
    }

    /// <summary>What is known of a chunk besides its memory.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Bytes)]
    private struct Chunk
    {
        internal const int Bytes = 16;

        /// <summary>The next chunk with a free node, plus 1.</summary>
        internal int Next;

        /// <summary>Nodes in use.</summary>
        internal ushort Used;

        /// <summary>The first node that was in use and is free again, from 1; 0 when there is none.</summary>
        internal ushort Free;

        /// <summary>Nodes that were in use at any time since the chunk got its memory.</summary>
        internal ushort Touched;

        /// <summary>The furthest version in memory that was given back.</summary>
        internal ushort Version;
    }
}
