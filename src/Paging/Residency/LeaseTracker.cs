using System.Diagnostics;
using System.Globalization;
using System.Text;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Where each lease out of a pager was taken, for <see cref="PagerOptions.TrackLeases"/>.</summary>
/// <remarks>
/// A lease is three words and carries no number. What it ends by is the word of its page, so leases are known by that and by the thread,
/// and of several that one thread has on one page the last one taken ends first: as nested ones do. Where they end in another order the
/// stacks of two leases on one page may be exchanged. A lease of an object (an owner, the pages of a sequence) may end on any thread, and
/// is recorded apart from those of threads. Hits learn nothing of all this: pages of such a pager are never watched
/// (<see cref="LeaseWatch"/>), so every lease takes the slow path, where it is counted, and every end finds the counting one. Names of
/// arrays are kept, not arrays, whose finalizers have to run.
/// </remarks>
internal sealed unsafe class LeaseTracker
{
    /// <summary>So many leases are described.</summary>
    private const int MaxDescribed = 5;

    /// <summary>Frames of a stack that are shown.</summary>
    private const int MaxFrames = 12;

    /// <summary>Instead of the number of an array that is closed.</summary>
    private const int Lost = -1;

    private static readonly string[] s_own =
        ["Paging.Residency.", "Paging.PagedArray`1.", "Paging.PagedMatrix`1.", "Paging.PageOwner`1.", "Paging.PagedSequence`1."];
    private static readonly Gate s_gate = new(isOfProcess: true);

    /// <summary>Those of all pagers that track; what is in an array does not change. Empty in nearly every program.</summary>
    private static LeaseTracker[] s_all = [];

    private readonly Gate _gate = new(isOfProcess: true);
    private readonly Dictionary<nint, List<Taken>> _taken = [];
    private readonly int _slot;
    private readonly TimeProvider _time;

    internal LeaseTracker(int slot, TimeProvider time)
    {
        _slot = slot;
        _time = time;
        using Gate.Scope held = s_gate.Enter();
        Volatile.Write(ref s_all, [.. s_all, this]);
    }

    /// <summary>Whether any pager tracks its leases.</summary>
    internal static bool IsAny => Volatile.Read(ref s_all).Length != 0;

    /// <summary>A lease of the calling thread has ended.</summary>
    /// <param name="slot">Where its pager's leases are counted.</param>
    /// <param name="page">The word of its page.</param>
    internal static void End(int slot, ulong* page)
    {
        foreach (LeaseTracker tracker in Volatile.Read(ref s_all))
        {
            // Pagers may share a slot; but a word is of one pager.
            if (tracker._slot == slot && tracker.TryEnd(page, isOwned: false))
            {
                return;
            }
        }
    }

    /// <summary>The pager's memory is about to go.</summary>
    internal void Close()
    {
        using Gate.Scope held = s_gate.Enter();
        Volatile.Write(ref s_all, Array.FindAll(s_all, other => other != this));
    }

    /// <summary>Notes a lease that the calling thread has just taken. If that takes more memory than there is, the lease is gone
    /// again.</summary>
    /// <param name="region">The array.</param>
    /// <param name="index">The page.</param>
    /// <param name="write">Whether it is for writing.</param>
    /// <param name="page">The page's word, pinned.</param>
    /// <param name="isOwned">Whether the lease is an object's.</param>
    internal void Begin(PagedRegion region, long index, bool write, ulong* page, bool isOwned)
    {
        // With lines, which is what one looks for: reading symbols is the dear part of it.
        var taken = new Taken(
            region.Name,
            index,
            write,
            isOwned,
            Environment.CurrentManagedThreadId,
            _time.GetTimestamp(),
            new StackTrace(skipFrames: 1, fNeedFileInfo: true))
        {
            Array = region.PolicyNumber,
        };
        using Gate.Scope held = _gate.Enter();
        if (!_taken.TryGetValue((nint)page, out List<Taken>? ofPage))
        {
            _taken.Add((nint)page, ofPage = new List<Taken>(1));
        }

        ofPage.Add(taken);
    }

    /// <summary>An array is closed, and its number becomes another's. What is still noted of it was lost.</summary>
    internal void Forget(PagedRegion region)
    {
        using Gate.Scope held = _gate.Enter();
        foreach (Taken taken in _taken.Values.SelectMany(static ofPage => ofPage).Where(taken => taken.Array == region.PolicyNumber))
        {
            taken.Array = Lost;
        }
    }

    /// <summary>A lease of an object has ended.</summary>
    internal void EndOwned(ulong* page) => TryEnd(page, isOwned: true);

    /// <summary>The oldest leases out, with what is known of them.</summary>
    /// <param name="region">Of one array; null for all.</param>
    internal string Describe(PagedRegion? region)
    {
        Taken[] all;
        using (_gate.Enter())
        {
            all = [.. _taken.Values.SelectMany(static ofPage => ofPage)
                .Where(taken => region is null || taken.Array == region.PolicyNumber)];
        }

        if (all.Length == 0)
        {
            return string.Empty;
        }

        Array.Sort(all, static (one, other) => one.At.CompareTo(other.At));
        int shown = Math.Min(all.Length, MaxDescribed);
        long now = _time.GetTimestamp();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $" The oldest, {shown} of {all.Length:N0}:");
        foreach (Taken taken in all.AsSpan(0, shown))
        {
            string array = taken.Name is null ? "an array without a name" : $"array '{taken.Name}'";
            string use = (taken.Write ? "to write" : "to read") + (taken.IsOwned ? ", by an owner" : string.Empty);
            double seconds = _time.GetElapsedTime(taken.At, now).TotalSeconds;
            text.AppendLine().Append(
                CultureInfo.InvariantCulture,
                $"- page {taken.Index:N0} of {array}, {use}, for {seconds:N3} s, taken on thread {taken.Thread}");
            AppendStack(text, taken.Stack);
        }

        return text.ToString();
    }

    /// <summary>Begins where the program called.</summary>
    private static void AppendStack(StringBuilder text, StackTrace stack)
    {
        IEnumerable<string> lines = stack.ToString()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .SkipWhile(static line => Array.Exists(s_own, own => line.Contains(" " + own, StringComparison.Ordinal)));
        foreach (string line in lines.Take(MaxFrames))
        {
            text.AppendLine().Append("    ").Append(line);
        }
    }

    private bool TryEnd(ulong* page, bool isOwned)
    {
        int thread = Environment.CurrentManagedThreadId;
        using Gate.Scope held = _gate.Enter();
        if (!_taken.TryGetValue((nint)page, out List<Taken>? ofPage))
        {
            return false;
        }

        int index = ofPage.FindLastIndex(taken => taken.IsOwned == isOwned && (isOwned || taken.Thread == thread));
        if (index < 0)
        {
            return false;
        }

        ofPage.RemoveAt(index);
        if (ofPage.Count == 0)
        {
            _taken.Remove((nint)page);
        }

        return true;
    }

    /// <param name="Name">The array's.</param>
    /// <param name="Index">The page.</param>
    /// <param name="Write">Whether it is for writing.</param>
    /// <param name="IsOwned">Whether it is an object's, and not a thread's.</param>
    /// <param name="Thread">Who took it.</param>
    /// <param name="At">When.</param>
    /// <param name="Stack">From where.</param>
    private sealed record Taken(
        string? Name, long Index, bool Write, bool IsOwned, int Thread, long At, StackTrace Stack)
    {
        /// <summary>The number that the array has while it is in use.</summary>
        internal required int Array { get; set; }
    }
}
