using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Paging.TestSeam;

/// <summary>The seam of the seeded scheduler: a build without PAGING_TEST_HOOKS holds nothing of it.</summary>
internal static class TestHook
{
#if PAGING_TEST_HOOKS
    [ThreadStatic]
    private static IInterleaver? s_interleaver;

    private static Mutation s_broken;

    internal static IInterleaver? Interleaver
    {
        get => s_interleaver;
        set => s_interleaver = value;
    }

    /// <summary>What makes the calling thread's calls fail; none but in tests of that.</summary>
    [field: ThreadStatic]
    internal static IFailures? Failures { get; set; }

    /// <summary>The one rule that a control breaks on purpose; none in every other test.</summary>
    internal static Mutation Broken
    {
        get => s_broken;
        set => s_broken = value;
    }

    /// <summary>Whether a control breaks the rule. To be asked in X.Mutations.cs, by predicates that say what the right code means; with &amp; and |,
    /// since behind &amp;&amp; and || an inlined predicate would leave a branch in the optimised build.</summary>
    internal static bool Breaks(Mutation mutation) => s_broken == mutation;

    /// <summary>Whether the calling thread gets no memory for codecs.</summary>
    [field: ThreadStatic]
    internal static bool RefusesMemory { get; set; }

    /// <summary>How often the system still grants the calling thread address space or pages of it; null for always.</summary>
    [field: ThreadStatic]
    internal static int? Grants { get; set; }

    /// <summary>Whether the system is to refuse what the calling thread asks for now.</summary>
    internal static bool RefusesPages()
    {
        if (Grants is not { } grants)
        {
            return false;
        }

        Grants = Math.Max(0, grants - 1);
        return grants == 0;
    }
#else
    internal static IInterleaver? Interleaver => null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Breaks(Mutation mutation) => false;

    internal static bool RefusesMemory => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool RefusesPages() => false;
#endif

    [Conditional("PAGING_TEST_HOOKS")]
    internal static void Reach(SharedWord word) => Interleaver?.Reach(word);

    /// <summary>Stands where an exception can come in reality.</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    internal static void MayFail(FailurePoint point)
    {
#if PAGING_TEST_HOOKS
        Failures?.Reach(point);
#endif
    }
}
