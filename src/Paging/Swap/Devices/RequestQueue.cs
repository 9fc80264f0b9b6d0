namespace Paging.Swap.Devices;

/// <summary>The requests of an engine that have not begun: those that may begin at once, and long reads that wait for room in the window of
/// their file system. The lock of the engine guards it. Nothing takes longer for many requests than for one.</summary>
internal struct RequestQueue
{
    private IoQueue _ready;

    /// <summary>All windows that reads have ever waited in: one a file system, linked through themselves.</summary>
    private LongReadWindow? _windows;

    private bool _isLongsTurn;

    internal readonly bool IsEmpty
    {
        get
        {
            bool isEmpty = _ready.IsEmpty;
            for (LongReadWindow? window = _windows; window is not null && isEmpty; window = window.Next)
            {
                isEmpty = window.IsEmpty;
            }

            return isEmpty;
        }
    }

    /// <summary>Whether there is a request that may begin.</summary>
    internal readonly bool MayStart
    {
        get
        {
            bool mayStart = !_ready.IsEmpty;
            for (LongReadWindow? window = _windows; window is not null && !mayStart; window = window.Next)
            {
                mayStart = window.MayStart;
            }

            return mayStart;
        }
    }

    internal void Add(IoRequest request)
    {
        if (request.Window is not { } window)
        {
            _ready.Add(request);
            return;
        }

        if (!window.IsQueued)
        {
            (window.IsQueued, window.Next, _windows) = (true, _windows, window);
        }

        window.Add(request);
    }

    /// <summary>Takes a request that may begin: a long read and another one in turns, so that neither keeps the other waiting, however few
    /// can be under way.</summary>
    internal IoRequest? Start()
    {
        IoRequest? started = _isLongsTurn ? StartLong() ?? _ready.Take() : _ready.Take() ?? StartLong();
        _isLongsTurn = started is null ? _isLongsTurn : started.Window is null;
        return started;
    }

    private readonly IoRequest? StartLong()
    {
        IoRequest? started = null;
        for (LongReadWindow? window = _windows; window is not null && started is null; window = window.Next)
        {
            started = window.Start();
        }

        return started;
    }
}
