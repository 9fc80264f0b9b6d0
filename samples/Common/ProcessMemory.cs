using System.Globalization;

namespace Samples;

/// <summary>Memory of the process as the system counts it: proc_pid_status(5).</summary>
internal static class ProcessMemory
{
    /// <summary>What is in memory now; files that are mapped by the runtime are in it too.</summary>
    public static long Resident => Read("VmRSS:");

    /// <summary>The most that ever was.</summary>
    public static long Peak => Read("VmHWM:");

    private static long Read(string field)
    {
        // "VmRSS:	  123456 kB"
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(field.Length, line.Length - field.Length - " kB".Length), CultureInfo.InvariantCulture) << 10;
    }
}
