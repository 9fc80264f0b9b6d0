#if PAGING_TEST_HOOKS
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Debug builds know each lease that is out, so that a copy disposed a second time is told from another lease on the
/// same page, and a leaked one can be traced to where it was taken.</summary>
internal static class LeaseLedger
{
    // Not a concurrent one, whose waits an interrupt ends.
    private static readonly object s_lock = new();
    private static readonly Dictionary<long, string> s_out = [];
    private static long s_last;

    /// <summary>Set to record where leases are taken; slow.</summary>
    internal static bool RecordsStacks { get; set; }

    /// <summary>Where the leases that are out were taken, as far as that was recorded.</summary>
    internal static ICollection<string> Outstanding
    {
        get
        {
            Uninterrupted.Enter(s_lock);
            try
            {
                return [.. s_out.Values];
            }
            finally
            {
                Monitor.Exit(s_lock);
            }
        }
    }

    internal static long Take()
    {
        long token = Interlocked.Increment(ref s_last);
        string stack = RecordsStacks ? Environment.StackTrace : string.Empty;
        Uninterrupted.Enter(s_lock);
        try
        {
            s_out[token] = stack;
            return token;
        }
        finally
        {
            Monitor.Exit(s_lock);
        }
    }

    internal static void Return(long token)
    {
        bool removed;
        Uninterrupted.Enter(s_lock);
        try
        {
            removed = s_out.Remove(token);
        }
        finally
        {
            Monitor.Exit(s_lock);
        }

        if (!removed)
        {
            throw new InvalidOperationException("A copy of a lease is disposed, and the lease has ended. Do not copy leases: pass them by reference, or pass their spans.");
        }
    }

    internal static void Check(long token)
    {
        if (token == 0)
        {
            return;
        }

        bool found;
        Uninterrupted.Enter(s_lock);
        try
        {
            found = s_out.ContainsKey(token);
        }
        finally
        {
            Monitor.Exit(s_lock);
        }

        ObjectDisposedException.ThrowIf(!found, typeof(LeaseLedger));
    }
}
#endif
