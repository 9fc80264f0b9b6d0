namespace Paging.Memory;

/// <summary>The frames of a pager in miniature: which of the sampled pages would be in frames if there were so many of them. It runs the
/// policy itself, over pages without contents.</summary>
/// <remarks>Not thread-safe. Of each page it keeps 16 bits, in memory of the caller's: that it has never been in, where it is, or what the
/// policy keeps of it while it is out.</remarks>
internal sealed unsafe class MiniatureFrames
{
    private const ushort Resident = 0x8000;
    private const ushort Out = 0x4000;
    private const ushort Referenced = 0x8000;

    private readonly Replacement _policy;
    private readonly ushort* _pages;
    private readonly ushort* _states;
    private readonly int _stride;
    private readonly int _most;
    private int _used;

    /// <summary>The first of the frames without a page, plus one: each names the next.</summary>
    private int _free;

    /// <param name="memory">Zeroes, <see cref="Bytes"/> of them.</param>
    /// <param name="most">The most frames there can be.</param>
    /// <param name="fewest">The fewest there will be, unless the pager's become fewer.</param>
    /// <param name="states">The words of the pages, by number; zero for a page that has never been in.</param>
    /// <param name="stride">Bytes from word to word.</param>
    internal MiniatureFrames(byte* memory, int most, int fewest, ushort* states, int stride)
    {
        _most = most;
        _states = states;
        _stride = stride;
        _policy = new Replacement((uint*)(memory + Replacement.RingBytes(most)), sizeof(uint), memory, most, fewest);
        _pages = (ushort*)(memory + Replacement.RingBytes(most) + (most * sizeof(uint)));
        for (int frame = most - 1; frame >= 0; frame--)
        {
            GiveBack(frame);
        }

        _used = 0;
    }

    /// <summary>Bytes for so many frames, a multiple of eight.</summary>
    internal static int Bytes(int most) => ((int)Replacement.RingBytes(most) + (most * (sizeof(uint) + sizeof(ushort))) + 7) & ~7;

    internal bool IsResident(int page) => (State(page) & Resident) != 0;

    /// <summary>A page is used, and brought in if it is out.</summary>
    /// <param name="page">Its number.</param>
    /// <param name="capacity">The frames that there are now.</param>
    /// <param name="isAhead">Whether it is only brought in, for a use to come.</param>
    /// <returns>Whether it was in a frame.</returns>
    internal bool Access(int page, int capacity, bool isAhead)
    {
        ushort state = State(page);
        if ((state & Resident) != 0)
        {
            if (!isAhead)
            {
                _pages[FrameOf(state)] |= Referenced;
            }

            return true;
        }

        capacity = Math.Clamp(capacity, 1, _most);
        Advance(capacity);
        bool isFull = _used >= capacity;
        while (_used >= capacity)
        {
            Evict(capacity);
        }

        int frame = Take();
        if (isAhead)
        {
            _policy.FillAhead(frame, capacity);
        }
        else
        {
            int history = (state & Out) != 0 ? state & ((1 << Replacement.HistoryBits) - 1) : Replacement.None;
            Ask(_policy.Rival(history, capacity), capacity);
            long settled = _policy.Fill(frame, history, capacity, isFull);
            if (settled >= 0)
            {
                TakeReference(settled);
            }
        }

        _pages[frame] = (ushort)page;
        State(page) = (ushort)(Resident | frame);
        return false;
    }

    /// <summary>Nothing is known of a page any more.</summary>
    internal void Forget(int page)
    {
        ushort state = State(page);
        if ((state & Resident) != 0)
        {
            _policy.Remove(FrameOf(state));
            GiveBack(FrameOf(state));
        }

        State(page) = 0;
    }

    /// <summary>What a fault does first: looks at frames whose turn it is.</summary>
    private void Advance(int capacity)
    {
        for (int i = 0; i < Replacement.ChecksPerFault; i++)
        {
            if (_policy.NextHot() is >= 0 and long hot)
            {
                _policy.Check(hot, TakeReference(hot), capacity);
            }
        }

        if (_policy.NextAhead() is >= 0 and long ahead)
        {
            _policy.CheckAhead(ahead, TakeReference(ahead), capacity);
        }
    }

    private void Evict(int capacity)
    {
        long frame = _policy.NextVictim();
        while (TakeReference(frame))
        {
            Ask(_policy.Rival(frame), capacity);
            _policy.Spare(frame, capacity);
            frame = _policy.NextVictim();
        }

        State(_pages[frame]) = (ushort)(Out | _policy.HistoryOf(frame));
        _policy.Remove(frame);
        GiveBack((int)frame);
    }

    private void Ask(long rival, int capacity)
    {
        if (rival >= 0 && TakeReference(rival))
        {
            _policy.Check(rival, used: true, capacity);
        }
    }

    private bool TakeReference(long frame)
    {
        bool isReferenced = (_pages[frame] & Referenced) != 0;
        _pages[frame] &= unchecked((ushort)~Referenced);
        return isReferenced;
    }

    private int Take()
    {
        int frame = _free - 1;
        _free = _pages[frame];
        _used++;
        return frame;
    }

    private void GiveBack(int frame)
    {
        _pages[frame] = (ushort)_free;
        _free = frame + 1;
        _used--;
    }

    private static int FrameOf(ushort state) => state & ~(Resident | Out);

    private ref ushort State(int page) => ref *(ushort*)((byte*)_states + (page * _stride));
}
