using System.Globalization;

namespace Paging.Tests.Face;

/// <summary>What the process has of the system.</summary>
internal static class Figures
{
    /// <summary>Threads of this library that exist.</summary>
    public static int Threads() => Directory.GetDirectories("/proc/self/task").Count(static task =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).StartsWith("Paging ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    });

    /// <summary>Bytes in memory.</summary>
    public static long ResidentSet()
    {
        string[] fields = File.ReadAllText("/proc/self/statm").Split(' ');
        return long.Parse(fields[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
    }

    /// <summary>Collects what was dropped: an array's finalizer is what lets go of its pager, whose own comes a collection later.</summary>
    public static void Collect()
    {
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    /// <summary>Whether an interrupt is waiting for the calling thread; it is not any more afterwards.</summary>
    public static bool TakeInterrupt()
    {
        try
        {
            Thread.Sleep(0);
            object gate = new();
            lock (gate)
                Monitor.Wait(gate, 0);
            return false;
        }
        catch (ThreadInterruptedException)
        {
            return true;
        }
    }

    public static int Descriptors() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    /// <summary>Ends that take a moment in the system: a thread that has been joined may still be listed.</summary>
    public static void AssertAtMost(long most, Func<int> figure) => AssertAtMost(most, () => (long)figure());

    public static void AssertAtMost(long most, Func<long> figure)
    {
        for (int i = 0; i < 10_000 && figure() > most; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Yield();
        }

        Assert.InRange(figure(), 0, most);
    }
}
