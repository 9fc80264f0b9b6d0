using System.Diagnostics;
using System.Numerics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>A set of frames, a bit for each, with a hand that goes round them in the order of their numbers.</summary>
/// <remarks>Thread-safe: any thread may add, remove and move the hand. A frame that is filled where the hand has just passed is met again
/// after all others, so a ring whose members are replaced in place is a queue.</remarks>
internal sealed unsafe class FrameRing
{
    private readonly ulong* _bits;
    private readonly long _frames;
    private long _reach;

    /// <summary>Apart, or all rings would lie in the same few cache lines.</summary>
    private LoneWord _hand;

    /// <param name="bits">Zeroes, <see cref="Bytes"/> of them.</param>
    /// <param name="frames">The most frames there can be.</param>
    internal FrameRing(ulong* bits, long frames)
    {
        _bits = bits;
        _frames = _reach = frames;
    }

    /// <summary>Members from here on are not found: frames that have no memory. A hint: written under the pool's gate, read by
    /// all.</summary>
    internal long Reach
    {
        get => Volatile.Read(ref _reach);
        set => Volatile.Write(ref _reach, value);
    }

    /// <summary>Bytes that the bits of so many frames take.</summary>
    internal static long Bytes(long frames) => (frames + 63) / 64 * sizeof(ulong);

    internal bool Contains(long frame) => (Bit(frame) & Shared.Read(SharedWord.FrameRing, _bits + (frame >> 6))) != 0;

    /// <summary>Absent → member. Of threads that race to add a frame, one has changed its bit.</summary>
    /// <returns>False when it was a member already.</returns>
    internal bool Add(long frame) => (Shared.Or(SharedWord.FrameRing, _bits + (frame >> 6), Bit(frame)) & Bit(frame)) == 0;

    /// <summary>Member → absent. Of threads that race to remove a frame, one has changed its bit.</summary>
    /// <returns>False when it was no member.</returns>
    internal bool Remove(long frame) =>
        Contains(frame) && (Shared.And(SharedWord.FrameRing, _bits + (frame >> 6), ~Bit(frame)) & Bit(frame)) != 0;

    /// <summary>The member that the hand comes to next; −1 when there is none. The hand moves past it, so threads that go round at the same
    /// time get different ones.</summary>
    internal long Next()
    {
        while (true)
        {
            long from = Shared.Read(SharedWord.FrameRing, ref _hand.Value);
            long found = Find(from);

            // From where it was seen to behind the member found. Races with other threads that move the hand: the loser looks again.
            if (found < 0 || Shared.CompareExchange(SharedWord.FrameRing, ref _hand.Value, found + 1, from) == from)
            {
                return found;
            }
        }
    }

    /// <summary>What <see cref="Next"/> would return.</summary>
    internal long Peek() => Find(Volatile.Read(ref _hand.Value));

    private long Find(long from)
    {
        long reach = Reach;
        long found = Find(from, reach);
        return found >= 0 ? found : Find(0, Math.Min(from, reach));
    }

    private long Find(long from, long end)
    {
        for (long at = from; at < end; at = (at | 63) + 1)
        {
            ulong rest = Volatile.Read(ref _bits[at >> 6]) >> (int)(at & 63);
            if (rest != 0)
            {
                long found = at + BitOperations.TrailingZeroCount(rest);
                return found < end ? found : -1;
            }
        }

        return -1;
    }

    private ulong Bit(long frame)
    {
        Debug.Assert((ulong)frame < (ulong)_frames, "a frame of the ring's");
        return 1UL << (int)(frame & 63);
    }
}
