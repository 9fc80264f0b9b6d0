using System.Runtime.CompilerServices;

namespace Paging;

/// <summary>What can be an element of a managed array. Pages hold longer elements than the runtime has arrays of, and the types of the base
/// library that stand for memory (<see cref="Memory{T}"/>) look for an array behind it.</summary>
internal static class ArrayElements
{
    /// <summary>Bytes of the longest one.</summary>
    internal const int MaxBytes = ushort.MaxValue;

    /// <summary>Refuses what takes longer elements than that, before a type is touched that has an array of them.</summary>
    /// <param name="what">What takes no longer ones: the beginning of a sentence.</param>
    /// <param name="instead">What does: a sentence.</param>
    /// <exception cref="NotSupportedException">They are longer.</exception>
    internal static void Check<T>(string what, string instead)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() > MaxBytes)
        {
            throw new NotSupportedException(
                $"{what} elements of {MaxBytes:N0} bytes at most, as the runtime's arrays do, and {typeof(T).Name} has "
                    + $"{Unsafe.SizeOf<T>():N0}. {instead}");
        }
    }
}
