using System.Runtime.InteropServices;
using Paging.Memory;

namespace Paging.Benchmarks.Traces;

/// <summary>The pager's own policy: the component that reclaim uses, over reference bits in an array instead of in page words.</summary>
internal sealed unsafe class PagersOwn : IReplacement, IDisposable
{
    private readonly int _frames;
    private readonly int[] _frameOfPage;
    private readonly int[] _pageOfFrame;
    private readonly int[] _histories;
    private readonly bool[] _isReferenced;
    private readonly Replacement _policy;
    private void* _memory;
    private int _used;

    public PagersOwn(int frames, int pages)
    {
        _frames = frames;
        _frameOfPage = new int[pages];
        Array.Fill(_frameOfPage, Replacement.None);
        _pageOfFrame = new int[frames];
        _histories = new int[pages];
        Array.Fill(_histories, Replacement.None);
        _isReferenced = new bool[frames];
        nuint words = ((nuint)frames + 1) / 2 * 8;
        _memory = NativeMemory.AllocZeroed(words + (nuint)Replacement.RingBytes(frames));
        _policy = new Replacement((uint*)_memory, sizeof(uint), (byte*)_memory + words, frames);
    }

    ~PagersOwn() => Free();

    public bool IsResident(int page) => _frameOfPage[page] != Replacement.None;

    public bool Access(int page)
    {
        if (_frameOfPage[page] is not Replacement.None and int resident)
        {
            _isReferenced[resident] = true;
            return true;
        }

        for (int i = 0; i < Replacement.ChecksPerFault; i++)
        {
            if (_policy.NextHot() is >= 0 and long hot)
            {
                _policy.Check(hot, Take(hot), _frames);
            }
        }

        bool isFull = _used == _frames;
        int frame = isFull ? Evict() : _used++;
        Ask(_policy.Rival(_histories[page], _frames));
        long settled = _policy.Fill(frame, _histories[page], _frames, isFull);
        if (settled != Replacement.None)
        {
            _isReferenced[settled] = false;
        }

        _pageOfFrame[frame] = page;
        _frameOfPage[page] = frame;
        return false;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private int Evict()
    {
        long frame = _policy.NextVictim();
        while (Take(frame))
        {
            Ask(_policy.Rival(frame));
            _policy.Spare(frame, _frames);
            frame = _policy.NextVictim();
        }

        int page = _pageOfFrame[frame];
        _histories[page] = _policy.HistoryOf(frame);
        _policy.Remove(frame);
        _frameOfPage[page] = Replacement.None;
        return (int)frame;
    }

    private void Ask(long rival)
    {
        if (rival != Replacement.None && Take(rival))
        {
            _policy.Check(rival, used: true, _frames);
        }
    }

    private bool Take(long frame)
    {
        bool isReferenced = _isReferenced[frame];
        _isReferenced[frame] = false;
        return isReferenced;
    }

    private void Free()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }
}
