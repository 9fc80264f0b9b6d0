#if PAGING_TEST_HOOKS
using System.Collections.Concurrent;

namespace Paging.Diagnostics;

/// <summary>Debug builds know each lease that is out, so that a copy disposed a second time is told from another lease on the
/// same page, and a leaked one can be traced to where it was taken.</summary>
internal static class LeaseLedger
{
    private static readonly ConcurrentDictionary<long, string> s_out = new();
    private static long s_last;

    /// <summary>Set to record where leases are taken; slow.</summary>
    internal static bool RecordsStacks { get; set; }

    /// <summary>Where the leases that are out were taken, as far as that was recorded.</summary>
    internal static ICollection<string> Outstanding => s_out.Values;

    internal static long Take()
    {
        long token = Interlocked.Increment(ref s_last);
        s_out[token] = RecordsStacks ? Environment.StackTrace : string.Empty;
        return token;
    }

    internal static void Return(long token)
    {
        if (!s_out.TryRemove(token, out _))
        {
            throw new InvalidOperationException("A copy of a lease is disposed, and the lease has ended. Do not copy leases: pass them by reference, or pass their spans.");
        }
    }

    internal static void Check(long token)
    {
        ObjectDisposedException.ThrowIf(token != 0 && !s_out.ContainsKey(token), typeof(LeaseLedger));
    }
}
#endif
