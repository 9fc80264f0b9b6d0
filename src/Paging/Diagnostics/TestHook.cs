using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Paging.Diagnostics;

/// <summary>The shared words, so that a scheduler can say where it switched.</summary>
internal enum SharedWord
{
    Page,
    PageTable,
    Granule,
    Node,
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

    /// <summary>As <see cref="Block"/>, but not for ever.</summary>
    /// <returns>False when the time was up: it passes when nobody else can move.</returns>
    bool Sleep(object on);

    /// <summary>The number of the calling thread, the same in every run.</summary>
    int Thread { get; }
}

/// <summary>Where an exception can come from outside, by what is called there: tests make each of these places fail in turn.</summary>
internal enum FailurePoint
{
    /// <summary>To enter a lock: an interrupt, or no memory to sleep on it. Masked.</summary>
    Lock,

    /// <summary>To sleep under a lock. Masked.</summary>
    Sleep,

    /// <summary>To wait for the end of a thread. Masked.</summary>
    Join,

    /// <summary>A codec, which may ask the system for memory.</summary>
    Codec,

    /// <summary>Memory for the contexts and the scratch of codecs.</summary>
    CodecMemory,

    /// <summary>The policy that a page is compressed by.</summary>
    Policy,

    /// <summary>A transfer on the calling thread.</summary>
    DeviceRead,

    /// <summary>A transfer that is handed to a device.</summary>
    DeviceWrite,

    /// <summary>Encryption of a block. Memory that it lacks is an error number.</summary>
    Cipher,

    /// <summary>Memory of the caller's that is copied from or to.</summary>
    Copy,

    /// <summary>Managed memory, or address space.</summary>
    Allocation,

    /// <summary>Between two steps of closing.</summary>
    Closing,

    /// <summary>Memory for a page table.</summary>
    TableMemory,

    /// <summary>A thread.</summary>
    ThreadStart,
}

/// <summary>Makes places fail.</summary>
internal interface IFailures
{
    /// <summary>The calling thread is at such a place; throws if it is to fail.</summary>
    void Reach(FailurePoint point);
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

    /// <summary>What makes the calling thread's calls fail; none but in tests of that.</summary>
    [field: ThreadStatic]
    internal static IFailures? Failures { get; set; }

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
