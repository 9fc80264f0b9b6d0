namespace Paging.Stress.Driver;

/// <summary>SplitMix64 (Steele, Lea, Flood 2014): the same numbers from a seed on every runtime, which <see cref="Random"/>
/// does not promise.</summary>
internal struct Rng(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 up to, not including, <paramref name="bound"/>.</summary>
    public int Next(int bound) => (int)Next((long)bound);

    /// <summary>From 0 up to, not including, <paramref name="bound"/>.</summary>
    public long Next(long bound) => (long)Math.BigMul(Next(), (ulong)bound, out _);

    public bool Chance(int percent) => Next(100) < percent;
}
