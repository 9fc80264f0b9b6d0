using System.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Where the words of a granule's pages are.</summary>
internal enum GranuleForm
{
    /// <summary>Nowhere: all are untouched. A table of zeroes is a table of such granules.</summary>
    Nothing = 0,

    /// <summary>The words of pages that are not untouched are in a chain of nodes. The words in the table are zeroes, and may not be
    /// writable.</summary>
    Sparse = 1,

    /// <summary>In the table, except those that it says to be elsewhere: they are in nodes still.</summary>
    Linear = 2,
}

/// <summary>What is known of a granule of a page table: one 64-bit word, and every change that it can make.</summary>
/// <remarks>
/// <code>
/// 63        34 33       19 18       3  2     1  0
/// [first (30)][version (15)][pages (16)][lock][form]
/// </code>
/// First: the first node of a sparse granule's chain. Pages: the pages of a linear granule that are not untouched, or are about to be
/// claimed; the table is given back only when there are none. Version: the furthest version of the words whose memory was given back
/// (<see cref="PageWord"/>).
/// Only this file changes the word. The thread that has set the lock is alone in changing it, which pages have nodes, and words in the
/// table that say elsewhere (<see cref="LockedGranule"/>). It holds the lock for some hundred instructions and a few system calls, and
/// waits for nothing except gates that are held as briefly. Without the lock, pages are counted in and out by CAS, in linear granules that
/// are not locked.
/// </remarks>
internal static unsafe partial class GranuleWord
{
    private const ulong FormMask = 3;
    private const ulong Lock = 1UL << 2;
    private const int PagesShift = 3;
    private const ulong OnePage = 1UL << PagesShift;
    private const ulong PagesMask = 0xFFFFUL << PagesShift;
    private const int VersionShift = 19;
    private const ulong VersionMask = (ulong)PageWord.MaxVersion << VersionShift;
    private const int FirstShift = 34;

    internal static readonly Transitions Seen = new((int)GranuleForm.Linear + 1);

    internal static GranuleForm Form(ulong word) => (GranuleForm)(word & FormMask);

    internal static bool IsLocked(ulong word) => (word & Lock) != 0;

    /// <summary>Whether there is anything in it, or may be in a moment.</summary>
    internal static bool IsUsed(ulong word) => (word & (FormMask | Lock)) != 0;

    internal static int Pages(ulong word) => (int)((word & PagesMask) >> PagesShift);

    internal static int Version(ulong word) => (int)((word & VersionMask) >> VersionShift);

    internal static uint First(ulong word) => (uint)(word >> FirstShift);

    internal static ulong Nothing(int version) => (ulong)version << VersionShift;

    /// <summary>The same with another first node: sparse, or nothing when it is 0.</summary>
    internal static ulong WithFirst(ulong word, uint first) =>
        (word & VersionMask) | ((ulong)first << FirstShift) | (ulong)(first == 0 ? GranuleForm.Nothing : GranuleForm.Sparse);

    internal static ulong Linear(int pages, int version) =>
        ((ulong)version << VersionShift) | ((ulong)pages << PagesShift) | (ulong)GranuleForm.Linear;

    internal static ulong Load(ulong* granule) => Shared.Read(SharedWord.Granule, granule);

    /// <summary>Not locked → locked. Races with other threads that lock it, and with pages that are counted. Either the closer of the array
    /// sees the lock after its fence, or the caller sees the array closed after this one (rule 4).</summary>
    /// <returns>The word without the lock.</returns>
    internal static ulong Enter(ulong* granule)
    {
        Spinner spinner = default;
        while (true)
        {
            ulong word = Load(granule);
            if (!IsLocked(word))
            {
                if (Shared.CompareExchange(SharedWord.Granule, granule, word | Lock, word) == word)
                {
                    Fences.AfterInterlocked();
                    return word;
                }
            }

            spinner.Once();
        }
    }

    /// <summary>Locked → not locked, in whatever form it is now. Release: pairs with the CAS of the next thread to lock it, and with the
    /// load of a thread that finds the first node.</summary>
    internal static void Exit(ulong* granule, ulong before, ulong next)
    {
        Debug.Assert(!IsLocked(next));
        Shared.Write(SharedWord.Granule, granule, next);
        Seen.Record((ulong)Form(before), (ulong)Form(next));
    }

    /// <summary>n → n + 1 pages of a linear granule, before an untouched page is claimed. Races with other counts, and with threads that
    /// lock it.</summary>
    internal static bool TryAddPage(ulong* granule, ulong word)
    {
        Debug.Assert(Form(word) == GranuleForm.Linear);
        TestHook.Reach(SharedWord.Granule);
        return !IsLocked(word) && Interlocked.CompareExchange(ref *granule, word + OnePage, word) == word;
    }

    /// <summary>n → n − some pages of a linear granule, after the CAS that made them untouched.</summary>
    /// <returns>The word then. It is not linear when the array was closed and its table given back.</returns>
    internal static ulong SubtractPages(ulong* granule, int pages)
    {
        Spinner spinner = default;
        while (true)
        {
            ulong word = Load(granule);
            if (Form(word) != GranuleForm.Linear)
            {
                return word;
            }

            if (!IsLocked(word))
            {
                ulong next = word - ((ulong)pages * OnePage);
                Debug.Assert(Pages(word) >= pages, "a page is counted out once");
                if (Shared.CompareExchange(SharedWord.Granule, granule, next, word) == word)
                {
                    return next;
                }
            }

            spinner.Once();
        }
    }

    /// <summary>So many pages more, by the thread that has locked the granule and is about to write this word.</summary>
    internal static ulong WithPages(ulong word, int pages) => word + ((ulong)pages * OnePage);

    /// <summary>As <see cref="SubtractPages"/>, by the thread that has locked the granule and is about to write this word.</summary>
    internal static ulong WithoutPage(ulong word) => word - OnePage;

    /// <summary>Linear, without pages, not locked → locked. Races with faults, which count their page first: then there is one.</summary>
    internal static bool TryEnterEmpty(ulong* granule, ulong word)
    {
        if (Form(word) != GranuleForm.Linear || IsLocked(word) || HasPages(word))
        {
            return false;
        }

        if (Shared.CompareExchange(SharedWord.Granule, granule, word | Lock, word) != word)
        {
            return false;
        }

        Fences.AfterInterlocked();
        return true;
    }
}
