using System.Runtime.CompilerServices;

namespace Paging.Memory;

/// <summary>The finalizer of SplitMix64 (Steele, Lea and Flood, 2014; Stafford's variant 13). Frozen: orders of rows depend on it.</summary>
internal static class SplitMix64
{
    /// <summary>A permutation of all values in which every bit of the result depends on every bit of the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
