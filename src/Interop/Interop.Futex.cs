using System.Runtime.InteropServices;

namespace Paging.Interop;

/// <summary>futex: a word that a thread sleeps on, for less than a millisecond if need be.</summary>
internal static unsafe class Futex
{
    private const int FUTEX_WAIT = 0;
    private const int FUTEX_WAKE = 1;
    private const int FUTEX_PRIVATE_FLAG = 128;

    /// <summary>The call's number, which differs by processor.</summary>
    private static readonly nint s_futex = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        _ => 0,
    };

    /// <summary>Whether <see cref="Wait"/> sleeps on this system.</summary>
    internal static bool IsSupported => s_futex != 0 && OperatingSystem.IsLinux();

    /// <summary>Sleeps as long as the word has this value, until it is woken or the time is up. It may also return without cause.</summary>
    /// <param name="word">An aligned word that stays where it is.</param>
    /// <param name="value">The value at which the caller sleeps.</param>
    /// <param name="microseconds">The longest sleep. The system may add some tens.</param>
    internal static void Wait(int* word, int value, int microseconds)
    {
        var time = new TimeSpec { tv_sec = microseconds / 1_000_000, tv_nsec = microseconds % 1_000_000 * 1000L };
        SystemCall.syscall(s_futex, (nint)word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, (nint)(&time), 0, 0);
    }

    /// <summary>Wakes one thread that sleeps on the word.</summary>
    internal static void Wake(int* word) => SystemCall.syscall(s_futex, (nint)word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);

    /// <summary>struct timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        internal long tv_sec;
        internal long tv_nsec;
    }
}
