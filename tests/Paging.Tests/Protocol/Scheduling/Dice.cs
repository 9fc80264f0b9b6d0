namespace Paging.Tests.Protocol;

/// <summary>Pseudo-random numbers that are the same for a seed on every machine (SplitMix64: Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators").</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    internal static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    internal ulong Next() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>From 0 to <paramref name="count"/> − 1.</summary>
    internal int Below(int count) => (int)((Next() >> 33) % (ulong)count);

    /// <summary>True once in <paramref name="times"/>.</summary>
    internal bool OnceIn(int times) => Below(times) == 0;
}
