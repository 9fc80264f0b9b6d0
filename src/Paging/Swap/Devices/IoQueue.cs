using System.Diagnostics;

namespace Paging.Swap.Devices;

/// <summary>Requests in the order of arrival, linked through themselves, so that a queue of any length takes no memory. The lock of its
/// owner guards it.</summary>
internal struct IoQueue
{
    private IoRequest? _first;
    private IoRequest? _last;

    internal readonly bool IsEmpty => _first is null;

    internal void Add(IoRequest request)
    {
        Debug.Assert(request.Next is null, "a request is in one queue");
        if (_last is null)
        {
            _first = request;
        }
        else
        {
            _last.Next = request;
        }

        _last = request;
    }

    /// <summary>The first request.</summary>
    internal IoRequest? Take()
    {
        if (_first is not { } request)
        {
            return null;
        }

        _first = request.Next;
        _last = _first is null ? null : _last;
        request.Next = null;
        return request;
    }
}
