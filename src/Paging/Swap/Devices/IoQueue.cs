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
        IoRequest? request = _first;
        if (request is not null)
        {
            Remove(null, request);
        }

        return request;
    }

    /// <summary>The first request that may begin: see <see cref="IoWindow"/>.</summary>
    internal IoRequest? Start()
    {
        IoQueue started = default;
        Start(ref started, 1);
        return started.Take();
    }

    /// <summary>Moves requests that may begin to another queue, in their order.</summary>
    /// <param name="started">The other queue.</param>
    /// <param name="max">How many, at most.</param>
    /// <returns>How many.</returns>
    internal int Start(ref IoQueue started, int max)
    {
        int count = 0;
        IoRequest? before = null;
        for (IoRequest? request = _first; request is not null && count < max;)
        {
            IoRequest? next = request.Next;
            if (request.TryStart())
            {
                Remove(before, request);
                started.Add(request);
                count++;
            }
            else
            {
                before = request;
            }

            request = next;
        }

        return count;
    }

    private void Remove(IoRequest? before, IoRequest request)
    {
        if (before is null)
        {
            _first = request.Next;
        }
        else
        {
            before.Next = request.Next;
        }

        if (_last == request)
        {
            _last = before;
        }

        request.Next = null;
    }
}
