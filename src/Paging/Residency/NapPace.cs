namespace Paging.Residency;

/// <summary>How long the thread of the background that keeps frames free may nap between two looks at them, so that faults need not wake it:
/// waking a thread is a system call, and would delay one fault in a hundred by ten times what the others take.</summary>
/// <remarks>From how fast frames were taken since the look before. Not thread-safe; knows no clock.</remarks>
internal struct NapPace
{
    /// <summary>The longest nap, in microseconds, and the time without a frame taken after which the thread sleeps until it is woken.</summary>
    internal const int Max = 50_000;

    /// <summary>The shortest nap.</summary>
    internal const int Min = 20;

    /// <summary>What the system adds to a nap, about: the time until a processor is awake.</summary>
    internal const int Overhead = 60;

    /// <summary>When the frames were looked at last with any of them taken.</summary>
    private double _since;

    /// <summary>The next nap.</summary>
    /// <param name="now">The time in microseconds.</param>
    /// <param name="share">The share that has been taken, since the last call, of the frames that a nap may cost.</param>
    /// <returns>Microseconds; 0 when the thread may sleep until it is woken.</returns>
    internal int Next(double now, double share)
    {
        double elapsed = now - _since;
        if (share <= 0)
        {
            // Twice as long each time, and then no more.
            return elapsed > Max ? 0 : Math.Max((int)elapsed, Min);
        }

        _since = now;
        return (int)Math.Clamp((elapsed / share) - Overhead, Min, Max);
    }
}
