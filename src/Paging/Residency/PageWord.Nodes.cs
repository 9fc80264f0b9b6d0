using System.Runtime.CompilerServices;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The transitions of words that move between nodes and tables (<see cref="LockedGranule"/>), and where their versions go on in
/// new memory.</summary>
internal static unsafe partial class PageWord
{
    /// <summary>Gone → Untouched: the node is the caller's, who links it afterwards. A late CAS expects another word.</summary>
    /// <param name="page">The word of the node; 0 in new memory.</param>
    /// <param name="version">The furthest version in the memory before this.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Revive(ulong* page, int version)
    {
        ulong word = *page;
        Shared.Write(SharedWord.Page, page, AtVersion(word, version) & VersionMask);
        Seen.Record((ulong)(word == 0 ? PageState.Gone : State(word)), (ulong)PageState.Untouched);
    }

    /// <summary>Untouched → Elsewhere, in a table in which no thread claims pages yet, by the thread that has locked the granule.</summary>
    internal static void PutElsewhere(ulong* page, uint node, int version)
    {
        Shared.Write(SharedWord.Page, page, AtVersion(0, version) | ((ulong)node << StoredShift) | Elsewhere);
        Seen.Record((ulong)PageState.Untouched, (ulong)PageState.Elsewhere);
    }

    /// <summary>Elsewhere → what the page was in its node, Swapped or Resident without pins, or Untouched for 0. By the thread that has
    /// locked the granule, and has the page claimed in its node, or has taken it out. Release: a thread that finds it here finds it nowhere
    /// else. Also Untouched → Swapped in a clone's new table, by the thread that has locked the granule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void TakeOver(ulong* page, ulong fromNode)
    {
        ulong word = *page;
        ulong next = fromNode == 0 ? word & VersionMask : NextVersion(word) | (fromNode & ~(VersionMask | Waiters));
        Shared.Write(SharedWord.Page, page, next);
        Seen.Record((ulong)State(word), (ulong)State(next));
    }

    /// <summary>Elsewhere → Dead: the sweep of Dispose, which has taken the page out of its node.</summary>
    internal static void KillElsewhere(ulong* page)
    {
        ulong word = *page;
        Shared.Write(SharedWord.Page, page, Ended(word, PageState.Dead));
        Seen.Record((ulong)State(word), (ulong)PageState.Dead);
    }

    /// <summary>The version of a word: 1 to <see cref="MaxVersion"/>, or 0 in new memory.</summary>
    internal static int Version(ulong word) =>
        (int)((word & VersionLow) >> VersionLowShift) | ((int)((word & VersionHigh) >> VersionHighShift) << VersionLowBits);

    /// <summary>The word, with this version if it has none.</summary>
    internal static ulong AtVersion(ulong word, int version) => (word & VersionMask) != 0
        ? word
        : word | (((ulong)version << VersionLowShift) & VersionLow) | ((ulong)(version >> VersionLowBits) << VersionHighShift);
}
