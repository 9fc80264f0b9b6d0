using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Decides whether who asks for a page has to wake somebody. Waking a thread is a system call, which costs more than a thread may
/// spend that has a picture to draw; so while pages are being asked for, the threads that serve look by themselves, once a
/// millisecond.</summary>
/// <remarks>
/// Off → On by exchange, by who asks; it then wakes a thread. Back, if it cannot; otherwise On → Off by CAS, by a thread that
/// serves, when nobody has asked for <see cref="Quiet"/>; it then looks at the requests once more. Who asks adds a request and then looks
/// at the state, a full fence in between, so one of the two sees the other.
/// </remarks>
internal sealed class RequestWatch(FaultRequests requests, TimeProvider time)
{
    /// <summary>Milliseconds between two looks of the first thread. The second one looks half as often, and so on: where the first is at
    /// work on something long, another serves.</summary>
    internal const int Period = 1;

    private const int Off = 0;
    private const int On = 1;

    /// <summary>How long the threads go on looking when nobody asks.</summary>
    internal static readonly TimeSpan Quiet = TimeSpan.FromSeconds(10);

    private int _state;

    /// <summary>When a request was last served, or the watch began.</summary>
    private long _last;

    internal bool IsOn => Shared.Read(SharedWord.FaultRequest, ref _state) == On;

    /// <summary>By who has added a request.</summary>
    /// <returns>Whether nobody looks, so that the caller has to wake a thread.</returns>
    internal bool TryBegin()
    {
        if (IsOn || Shared.Exchange(SharedWord.FaultRequest, ref _state, On) == On)
        {
            return false;
        }

        NoteServed();
        return true;
    }

    /// <summary>By who has begun, and can neither wake a thread nor start a timer.</summary>
    internal void Abandon() => Shared.Exchange(SharedWord.FaultRequest, ref _state, Off);

    /// <summary>By a thread that has taken a request.</summary>
    internal void NoteServed() => Volatile.Write(ref _last, time.GetTimestamp());

    /// <summary>By a thread that serves and has found nothing to do: whether it is to look again soon.</summary>
    internal bool GoesOn()
    {
        if (!IsOn)
        {
            return false;
        }

        if (time.GetElapsedTime(Volatile.Read(ref _last)) < Quiet
            || Shared.CompareExchange(SharedWord.FaultRequest, ref _state, Off, On) != On)
        {
            return true;
        }

        // Pairs with the addition of a request: see above.
        Fences.AfterInterlocked();
        if (!requests.IsAny)
        {
            return false;
        }

        Shared.Exchange(SharedWord.FaultRequest, ref _state, On);
        return true;
    }
}
