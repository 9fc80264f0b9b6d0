using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Spins without ever sleeping, since the thread that it waits for is within a few hundred instructions of being done.</summary>
/// <remarks>It never throws. <see cref="SpinWait"/> may throw, since it sleeps now and then, and an interrupt ends a sleep.</remarks>
internal struct Spinner
{
    /// <summary>Rounds that keep the processor. Each is twice as long as the one before, up to <see cref="MaxRound"/>.</summary>
    private const int Rounds = 10;

    /// <summary>The longest round, in iterations of <see cref="Thread.SpinWait"/>.</summary>
    private const int MaxRound = 8;

    // With one processor, the thread that is waited for cannot move meanwhile.
    private static readonly bool s_isAlone = Environment.ProcessorCount == 1;

    private int _count;

    internal readonly int Count => _count;

    /// <summary>Lets another thread run, if one is waiting for this processor.</summary>
    internal static void Yield()
    {
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Yield();
            return;
        }

        Thread.Yield();
    }

    internal void Once()
    {
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Yield();
            return;
        }

        // Beyond the first rounds every second one still spins: another processor may be about to end the wait.
        if (!s_isAlone && (_count < Rounds || (_count & 1) != 0))
        {
            Thread.SpinWait(Math.Min(1 << Math.Min(_count, Rounds), MaxRound));
        }
        else
        {
            Thread.Yield();
        }

        // The parity keeps changing where the count can no longer grow.
        _count = _count == int.MaxValue ? int.MaxValue - 1 : _count + 1;
    }
}
