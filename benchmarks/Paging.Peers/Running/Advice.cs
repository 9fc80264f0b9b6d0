using System.Runtime.InteropServices;

namespace Paging.Peers.Running;

/// <summary>What the kernel is told about memory (madvise).</summary>
internal static unsafe partial class Advice
{
    /// <summary>MADV_RANDOM: nothing is read around a fault.</summary>
    public const int Random = 1;

    /// <summary>MADV_WILLNEED: it is brought in from now on.</summary>
    public const int WillNeed = 3;

    /// <summary>MADV_HUGEPAGE.</summary>
    public const int HugePages = 14;

    /// <summary>MADV_NOHUGEPAGE.</summary>
    public const int NoHugePages = 15;

    public static void Give(void* address, nuint length, int advice)
    {
        if (MAdvise(address, length, advice) != 0)
        {
            throw new IOException($"madvise: error {Marshal.GetLastPInvokeError()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int MAdvise(void* address, nuint length, int advice);
}
