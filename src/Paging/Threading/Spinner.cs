using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Spins without ever sleeping: what it waits for is a few hundred instructions away on another thread.</summary>
/// <remarks>It never throws, which <see cref="SpinWait"/> does: that sleeps now and then, and an interrupt ends a sleep.</remarks>
internal struct Spinner
{
    /// <summary>Rounds that leave the processor to nobody, each twice as long as the one before, up to the longest.</summary>
    private const int Rounds = 10;
    private const int LongestRound = 8;

    // With one processor whoever is waited for cannot move meanwhile.
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

        // Beyond the first rounds every other one spins still, as somebody may be about to end what is waited for on another processor.
        if (!s_isAlone && (_count < Rounds || (_count & 1) != 0))
        {
            Thread.SpinWait(Math.Min(1 << Math.Min(_count, Rounds), LongestRound));
        }
        else
        {
            Thread.Yield();
        }

        // The parity goes on changing where the count may not grow.
        _count = _count == int.MaxValue ? int.MaxValue - 1 : _count + 1;
    }
}
