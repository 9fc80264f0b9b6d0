#if PAGING_TEST_HOOKS
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Debug builds know each lease that is out, so that the second Dispose of a lease, by a copy of it, is not taken for that of
/// another lease on the same page.</summary>
internal static class LeaseLedger
{
    // Not a concurrent one, whose waits an interrupt ends.
    private static readonly object s_lock = new();
    private static readonly HashSet<long> s_out = [];
    private static long s_last;

    internal static long Take()
    {
        long token = Interlocked.Increment(ref s_last);
        Uninterrupted.Enter(s_lock);
        try
        {
            s_out.Add(token);
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
            throw new InvalidOperationException("A copy of a lease is disposed, and the lease has ended. Do not copy leases: pass them " +
                "by reference, or pass their spans.");
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
            found = s_out.Contains(token);
        }
        finally
        {
            Monitor.Exit(s_lock);
        }

        ObjectDisposedException.ThrowIf(!found, typeof(LeaseLedger));
    }
}
#endif
