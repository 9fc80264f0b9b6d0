using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Paging.Diagnostics;

/// <summary>The shared words, so that a scheduler can say where it switched.</summary>
internal enum SharedWord
{
    Page,
    PageTable,
    PageData,
    FrameRecord,
    FrameList,
    Descriptor,
    DescriptorList,
    Segment,
    SegmentLive,
    Writer,
    ArrayState,
    Counter,
    Lock,
}

/// <summary>Drives the threads of a test one at a time. Every call may hand the turn to another thread.</summary>
internal interface IInterleaver
{
    /// <summary>The calling thread is about to touch a shared word.</summary>
    void Reach(SharedWord word);

    /// <summary>The calling thread cannot go on before another one has moved.</summary>
    void Yield();

    /// <summary>The calling thread sleeps until <see cref="Wake"/> names the same object.</summary>
    void Block(object on);

    void Wake(object on);

    /// <summary>The number of the calling thread, the same in every run.</summary>
    int Thread { get; }
}

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

    /// <summary>The one rule that a control breaks on purpose; none in every other test.</summary>
    internal static Mutation Broken
    {
        get => s_broken;
        set => s_broken = value;
    }

    internal static bool Breaks(Mutation mutation) => s_broken == mutation;

    /// <summary>Whether the calling thread gets no memory for codecs.</summary>
    [field: ThreadStatic]
    internal static bool RefusesMemory { get; set; }
#else
    internal static IInterleaver? Interleaver => null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Breaks(Mutation mutation) => false;

    internal static bool RefusesMemory => false;
#endif

    [Conditional("PAGING_TEST_HOOKS")]
    internal static void Reach(SharedWord word) => Interleaver?.Reach(word);
}
