using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Paging.TestSeam;

/// <summary>The seam at which tests reach into the library. A build without PAGING_TEST_HOOKS contains nothing of it.</summary>
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

    /// <summary>Makes calls of the calling thread fail; null except in tests of failures.</summary>
    [field: ThreadStatic]
    internal static IFailures? Failures { get; set; }

    /// <summary>The one rule that a control breaks on purpose; None in every other test.</summary>
    internal static Mutation Broken
    {
        get => s_broken;
        set => s_broken = value;
    }

    /// <summary>Whether a control breaks the rule. Called only in X.Mutations.cs, by predicates whose names say what the right code does.
    /// They combine it with &amp; and |: after &amp;&amp; and || an inlined predicate would leave a branch in the optimised
    /// build.</summary>
    internal static bool Breaks(Mutation mutation) => s_broken == mutation;

    /// <summary>Whether the calling thread gets no memory for codecs.</summary>
    [field: ThreadStatic]
    internal static bool RefusesMemory { get; set; }

    /// <summary>How many more times the system grants the calling thread address space or pages of it; null for always.</summary>
    [field: ThreadStatic]
    internal static int? Grants { get; set; }

    /// <summary>Whether the system is to refuse the calling thread's present request for pages. Uses up a grant.</summary>
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

    /// <summary>Keeps something that is about to be dropped from its finalizer, which no scheduler drives.</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    internal static void Keep(object thing) => Interleaver?.Keep(thing);

    /// <summary>Marks a place where an exception can really come from.</summary>
    [Conditional("PAGING_TEST_HOOKS")]
    internal static void MayFail(FailurePoint point)
    {
#if PAGING_TEST_HOOKS
        Failures?.Reach(point);
#endif
    }
}
