namespace Paging.Benchmarks.Traces;

/// <summary>LIRS (Jiang and Zhang, "LIRS: An Efficient Low Inter-reference Recency Set Replacement Policy", SIGMETRICS '02).</summary>
/// <remarks>As in the authors' own program, 1% of the frames, 2 at least, are for pages of high inter-reference recency (HIR), and an
/// access to the page of the access before changes nothing. Unlike there, where the stack is as good as unbounded, at most twice as many
/// HIR pages that are not resident are remembered as there are frames; the first to have been evicted is forgotten first.</remarks>
internal sealed class Lirs : IReplacement
{
    private const int FewestHirFrames = 2;
    private const int HirShare = 100;
    private const int GoneOfFrame = 2;

    private readonly int _frames;
    private readonly int _lirFrames;
    private readonly int _mostGone;

    /// <summary>The paper's S: by recency, from the oldest LIR page on.</summary>
    private readonly PageList _stack;

    /// <summary>The paper's Q: the HIR pages that are resident, from which pages are evicted.</summary>
    private readonly PageList _queue;

    /// <summary>The HIR pages in the stack that are not resident, in the order of their eviction.</summary>
    private readonly PageList _gone;

    private readonly Status[] _statuses;
    private readonly bool[] _isInStack;
    private int _lirPages;
    private int _last = PageList.None;

    public Lirs(int frames, int pages)
    {
        _frames = frames;
        _lirFrames = frames - Math.Max(FewestHirFrames, frames / HirShare);
        _mostGone = GoneOfFrame * frames;
        _stack = new PageList(pages);
        PageList[] lists = PageList.Sharing(pages, 2);
        (_queue, _gone) = (lists[0], lists[1]);
        _statuses = new Status[pages];
        _isInStack = new bool[pages];
    }

    private enum Status : byte
    {
        /// <summary>Not resident and not in the stack.</summary>
        Unknown,

        /// <summary>HIR, not resident, in the stack.</summary>
        Gone,

        /// <summary>HIR, resident, in the queue.</summary>
        Hir,

        /// <summary>LIR: resident, in the stack, and never evicted as such.</summary>
        Lir,
    }

    public bool IsResident(int page) => _statuses[page] >= Status.Hir;

    public bool Access(int page)
    {
        if (page == _last)
        {
            return true;
        }

        _last = page;
        Status status = _statuses[page];
        bool wasInStack = _isInStack[page];
        Unlink(page, status);
        if (status < Status.Hir && _lirPages + _queue.Count == _frames)
        {
            Evict();
        }

        _stack.Add(page);
        _isInStack[page] = true;
        if (status != Status.Lir)
        {
            Place(page, isLir: wasInStack || _lirPages < _lirFrames);
        }

        Prune();
        return status >= Status.Hir;
    }

    private void Unlink(int page, Status status)
    {
        if (_isInStack[page])
        {
            _stack.Remove(page);
        }

        if (status == Status.Hir)
        {
            _queue.Remove(page);
        }
        else if (status == Status.Gone)
        {
            _gone.Remove(page);
        }
    }

    /// <summary>Gives the page that was accessed its status. When there is one LIR page too many, the one at the stack's bottom becomes
    /// HIR.</summary>
    private void Place(int page, bool isLir)
    {
        if (!isLir)
        {
            _statuses[page] = Status.Hir;
            _queue.Add(page);
            return;
        }

        _statuses[page] = Status.Lir;
        _lirPages++;
        if (_lirPages > _lirFrames)
        {
            int bottom = _stack.Take();
            _isInStack[bottom] = false;
            _lirPages--;
            _statuses[bottom] = Status.Hir;
            _queue.Add(bottom);
        }
    }

    private void Evict()
    {
        int page = _queue.Take();
        if (!_isInStack[page])
        {
            _statuses[page] = Status.Unknown;
            return;
        }

        if (_gone.Count == _mostGone)
        {
            int forgotten = _gone.Take();
            _stack.Remove(forgotten);
            _isInStack[forgotten] = false;
            _statuses[forgotten] = Status.Unknown;
        }

        _statuses[page] = Status.Gone;
        _gone.Add(page);
    }

    /// <summary>Takes HIR pages off the stack's bottom, until a LIR page is there.</summary>
    private void Prune()
    {
        for (int page = _stack.Oldest; _statuses[page] != Status.Lir; page = _stack.Oldest)
        {
            _stack.Remove(page);
            _isInStack[page] = false;
            if (_statuses[page] == Status.Gone)
            {
                _gone.Remove(page);
                _statuses[page] = Status.Unknown;
            }
        }
    }
}
