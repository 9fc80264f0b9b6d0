using System.Runtime.CompilerServices;
using Paging.TestSeam;

namespace Paging.Residency;

/// <summary>What controls break on purpose. Each member is what the right code means by its name, and that alone without the seam of
/// tests.</summary>
internal readonly unsafe ref partial struct PageSharer
{
    /// <summary>Whether a page that was stored, or clean in a frame, is so still, and was all the time (rule 10). A page that was written
    /// since is in a later version, or dirty.</summary>
    private static bool IsSame(ulong* page, ulong word) =>
        ((PageWord.Load(page) & PageWord.Dirty) == 0 && PageWord.IsSamePage(page, word)) | TestHook.Breaks(Mutation.ShareWithoutRecheck);

    /// <summary>As <see cref="IsSame"/>, for a page that was stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsStillStored(ulong* page, ulong word) =>
        (PageWord.Load(page) == word) | TestHook.Breaks(Mutation.ShareWithoutRecheck);

    /// <summary>Evicting → Resident and clean, as another version (rule 10).</summary>
    private static bool CompleteStore(ulong* page, ulong word) => TestHook.Breaks(Mutation.KeepVersionWhenStored)
        ? PageWord.AbandonEvict(page, word & ~PageWord.Dirty)
        : PageWord.CompleteStore(page, word);
}
