using Paging.Threading;

namespace Paging.Memory;

/// <summary>A <see cref="FrameRing"/> that knows how many members it has.</summary>
/// <remarks>Thread-safe. A thread that changes the ring changes the count next, so the count may be off by one for each thread that is
/// about to.</remarks>
internal sealed unsafe class CountedRing(ulong* bits, long frames)
{
    private readonly FrameRing _ring = new(bits, frames);
    private LoneWord _count;

    internal long Count => Volatile.Read(ref _count.Value);

    /// <inheritdoc cref="FrameRing.Reach"/>
    internal long Reach
    {
        set => _ring.Reach = value;
    }

    internal bool Contains(long frame) => _ring.Contains(frame);

    /// <inheritdoc cref="FrameRing.Add"/>
    internal bool Add(long frame)
    {
        bool isNew = _ring.Add(frame);
        if (isNew)
        {
            Interlocked.Increment(ref _count.Value);
        }

        return isNew;
    }

    /// <inheritdoc cref="FrameRing.Remove"/>
    internal bool Remove(long frame)
    {
        bool wasMember = _ring.Remove(frame);
        if (wasMember)
        {
            Interlocked.Decrement(ref _count.Value);
        }

        return wasMember;
    }

    /// <inheritdoc cref="FrameRing.Next"/>
    internal long Next() => _ring.Next();

    /// <inheritdoc cref="FrameRing.Peek"/>
    internal long Peek() => _ring.Peek();

    /// <summary>As <see cref="Next"/>, and the member is one no longer; −1 when there is none, which costs a load.</summary>
    internal long TakeNext() => Count > 0 && Next() is >= 0 and long frame && Remove(frame) ? frame : -1;
}
