using Paging.Threading;

namespace Paging.Residency;

/// <summary>Where threads sleep that found every frame pinned, until a pin is given back.</summary>
/// <remarks>Who waits, in which order and for how long is decided by <see cref="LeaseQueue"/>. One for the process, since the thread that
/// gives a pin back knows the page's word and nothing else. A sleeper has set W in the words of the pinned pages after it read the count,
/// so a pin given back later is seen: its addition finds W, and signals. A signal that was meant for another pager makes a sleeper look
/// once more.</remarks>
internal static class LeaseEnds
{
    /// <summary>The longest sleep. It is limited because only the end of a lease wakes those who wait, and other things make room,
    /// too.</summary>
    private const int SleepMilliseconds = 20;

    private static readonly EventCount s_ends = new();

    internal static long Count => s_ends.Count;

    internal static void Signal() => s_ends.Signal();

    /// <summary>Sleeps until there is a signal more than <paramref name="seen"/>, or a short time has passed.</summary>
    /// <returns>False when the time has passed.</returns>
    internal static bool Wait(long seen) => s_ends.TryWaitBeyond(seen, SleepMilliseconds);
}
