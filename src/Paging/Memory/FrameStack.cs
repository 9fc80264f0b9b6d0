using System.Runtime.InteropServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>The free frames of one size: a lock-free stack, linked through the records of the frames.</summary>
/// <remarks>The head holds the top frame plus one in its low half and a tag in its high half. The tag grows with every change.
/// So a pop fails if the frame whose link it has read was popped and pushed again meanwhile. Records are never unmapped, so that it does no
/// harm to read the link of a frame that another thread has just popped.</remarks>
internal sealed unsafe class FrameStack(FrameRecord* records)
{
    private Top _top;

    /// <summary>Frames on the stack; inexact while other threads push or pop.</summary>
    internal long Count => Math.Max(0, Volatile.Read(ref _top.Count));

    internal void Push(long frame)
    {
        while (true)
        {
            TestHook.Reach(SharedWord.FrameList);
            ulong head = Volatile.Read(ref _top.Head);
            records[frame].Next = (uint)head;
            ulong next = (((head >> 32) + 1) << 32) | (uint)(frame + 1);
            if (Interlocked.CompareExchange(ref _top.Head, next, head) == head)
            {
                Interlocked.Increment(ref _top.Count);
                return;
            }
        }
    }

    /// <returns>A frame, or −1 when there is none.</returns>
    internal long Pop()
    {
        while (true)
        {
            ulong head = Shared.Read(SharedWord.FrameList, ref _top.Head);
            uint top = (uint)head;
            if (top == 0)
            {
                return -1;
            }

            long frame = top - 1L;
            ulong next = (((head >> 32) + 1) << 32) | Volatile.Read(ref records[frame].Next);
            if (Shared.CompareExchange(SharedWord.FrameList, ref _top.Head, next, head) == head)
            {
                Interlocked.Decrement(ref _top.Count);
                return frame;
            }
        }
    }

    /// <summary>Takes all frames; <see cref="Next"/> goes through them.</summary>
    /// <returns>The first, or −1 when there is none.</returns>
    internal long PopAll()
    {
        while (true)
        {
            TestHook.Reach(SharedWord.FrameList);
            ulong head = Volatile.Read(ref _top.Head);
            if ((uint)head == 0)
            {
                return -1;
            }

            if (Interlocked.CompareExchange(ref _top.Head, ((head >> 32) + 1) << 32, head) == head)
            {
                return (uint)head - 1L;
            }
        }
    }

    /// <summary>The frame behind one that <see cref="PopAll"/> has taken, or −1. The given one is not counted any more.</summary>
    internal long Next(long frame)
    {
        Interlocked.Decrement(ref _top.Count);
        return records[frame].Next - 1L;
    }

    /// <summary>In a cache line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 2 * CacheLine.Bytes)]
    private struct Top
    {
        [FieldOffset(CacheLine.Bytes)]
        internal ulong Head;

        [FieldOffset(CacheLine.Bytes + 8)]
        internal long Count;
    }
}
