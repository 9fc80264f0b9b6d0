using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Paging.Peers.Running;

/// <summary>A zram device of our own, which the machine swaps to as long as it is there.</summary>
/// <remarks>Swap is the machine's, not a process's: only cgroups that may swap (<see cref="MemoryGroup.MaySwap"/>) and whatever else on the
/// machine is short of memory uses it. Devices that others have made are not touched.</remarks>
internal sealed partial class ZramSwap : IDisposable
{
    private const string Control = "/sys/class/zram-control";
    private const string Label = "paging-"; // and the number of the process, by which a device is known that a killed run has left
    private const int LabelOffset = 1024 + (3 * sizeof(uint)) + 16; // in struct swap_header: version, pages, bad pages, and a UUID before it
    private const int LabelLength = 16;
    private const int Prefer = 0x8000; // SWAP_FLAG_PREFER
    private const int Priority = 0x7fff; // the highest
    private static readonly string s_theHighest = $"\t{Priority.ToString(CultureInfo.InvariantCulture)}";
    private readonly int _number;

    private ZramSwap(int number, string algorithm)
    {
        _number = number;
        Algorithm = algorithm;
    }

    /// <summary>How it compresses: LZ4 where the kernel has it.</summary>
    public string Algorithm { get; }

    /// <summary>Memory that it takes, with what its allocator wastes. No cgroup is charged for it.</summary>
    public long UsedBytes => MemoryStatistics()[2];

    /// <summary>What is stored in it, before and after it was compressed.</summary>
    public (long Stored, long Compressed) Bytes => (MemoryStatistics()[0], MemoryStatistics()[1]);

    /// <param name="bytes">That may be swapped out.</param>
    /// <param name="why">Why there is none, when null is returned.</param>
    public static ZramSwap? TryCreate(long bytes, out string why)
    {
        int number = -1;
        try
        {
            if (File.ReadLines("/proc/swaps").FirstOrDefault(l => l.EndsWith(s_theHighest, StringComparison.Ordinal)) is { } other)
            {
                // The kernel would swap to both in turns, what is whose nobody could tell.
                why = $"{other.Split(' ', '\t')[0]} is swapped to with the same priority: another run has it";
                return null;
            }

            number = int.Parse(File.ReadAllText(Path.Combine(Control, "hot_add")), CultureInfo.InvariantCulture); // reading it makes a device
            string settings = Settings(number);
            string algorithms = File.ReadAllText(Path.Combine(settings, "comp_algorithm"));
            if (algorithms.Split(' ', '\n').Any(a => a is "lz4" or "[lz4]"))
            {
                File.WriteAllText(Path.Combine(settings, "comp_algorithm"), "lz4");
            }

            string algorithm = File.ReadAllText(Path.Combine(settings, "comp_algorithm")).Split('[', ']')[1];
            File.WriteAllText(Path.Combine(settings, "disksize"), bytes.ToString(CultureInfo.InvariantCulture));
            Format(Device(number), bytes);
            if (TurnOn(Device(number), Prefer | Priority) != 0)
            {
                throw new IOException($"swapon: error {Marshal.GetLastPInvokeError()}");
            }

            ZramSwap swap = new(number, algorithm);
            Leftovers.Remember(swap, swap.Remove);
            why = "";
            return swap;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            why = $"no zram device to swap to: {e.Message}";
            if (number >= 0)
            {
                TryRemove(number);
            }

            return null;
        }
    }

    /// <summary>Removes devices that runs have left which were killed.</summary>
    public static void RemoveOrphans()
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/swaps").Where(l => l.StartsWith("/dev/zram", StringComparison.Ordinal)))
            {
                string device = line.Split(' ', '\t')[0];
                byte[] page = new byte[Environment.SystemPageSize];
                using (FileStream file = File.OpenRead(device))
                {
                    file.ReadExactly(page);
                }

                string label = Encoding.ASCII.GetString(page, LabelOffset, LabelLength).TrimEnd('\0');
                if (label.StartsWith(Label, StringComparison.Ordinal) && !Directory.Exists(Path.Combine("/proc", label[Label.Length..])))
                {
                    _ = TurnOff(device);
                    Remove(int.Parse(device["/dev/zram".Length..], CultureInfo.InvariantCulture));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not root, or no swap at all: there are none of ours.
        }
    }

    /// <summary>A device that stays is told, and is no reason to lose what was measured.</summary>
    public void Dispose()
    {
        Leftovers.Forget(this);
        try
        {
            Remove();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{Device(_number)} is not removed: {e.Message}");
        }
    }

    private static string Device(int number) => $"/dev/zram{number.ToString(CultureInfo.InvariantCulture)}";

    private static string Settings(int number) => $"/sys/block/zram{number.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>As mkswap does, with our label.</summary>
    private static void Format(string device, long bytes)
    {
        byte[] page = new byte[Environment.SystemPageSize];
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(1024), 1); // the version
        BinaryPrimitives.WriteUInt32LittleEndian(page.AsSpan(1028), (uint)((bytes / page.Length) - 1)); // the last page
        string label = Label + Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        Encoding.ASCII.GetBytes(label, page.AsSpan(LabelOffset, LabelLength));
        Encoding.ASCII.GetBytes("SWAPSPACE2", page.AsSpan(page.Length - 10));
        using FileStream file = new(device, FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(page);
        file.Flush(flushToDisk: true);
    }

    private void Remove()
    {
        if (TurnOff(Device(_number)) != 0)
        {
            throw new IOException($"swapoff {Device(_number)}: error {Marshal.GetLastPInvokeError()}; it stays on");
        }

        Remove(_number);
    }

    private static void Remove(int number) =>
        File.WriteAllText(Path.Combine(Control, "hot_remove"), number.ToString(CultureInfo.InvariantCulture));

    private static void TryRemove(int number)
    {
        try
        {
            Remove(number);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It holds nothing; why it could not be used is told.
        }
    }

    /// <summary>Bytes stored, compressed, and taken in all; and more.</summary>
    private long[] MemoryStatistics() =>
    [
        .. File.ReadAllText(Path.Combine(Settings(_number), "mm_stat")).Split(' ', '\n').Where(w => w.Length > 0)
            .Select(w => long.Parse(w, CultureInfo.InvariantCulture)),
    ];

    [LibraryImport("libc", EntryPoint = "swapon", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int TurnOn(string path, int flags);

    [LibraryImport("libc", EntryPoint = "swapoff", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int TurnOff(string path);
}
