using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>prctl: by how much the system may delay the timers of a thread, to let them end together with others: 50 microseconds by
/// default.</summary>
internal static partial class TimerSlack
{
    private const int PR_SET_TIMERSLACK = 29;

    /// <summary>Sets it for the calling thread. Where the system refuses, it stays as it is.</summary>
    internal static void Set(int nanoseconds)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
        }
    }

    // Variadic in C: see SystemCall.
    [LibraryImport("libc")]
    private static partial int prctl(int option, nint a, nint b, nint c, nint d);
}
