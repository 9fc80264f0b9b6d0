using System.Globalization;
using System.Runtime.InteropServices;
using Paging.Peers.Data;
using Paging.Peers.Peers;
using Paging.Peers.Reports;
using Paging.Peers.Running;

namespace Paging.Peers;

/// <summary>The same work, on the same data, in the same memory, by this library and by what one might use instead.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args is ["worker", var key, var directory, var rowFile, var rows, var memory, var seed])
        {
            PeerContext context = new(directory, rowFile, Number(rows), Number(memory));
            using Worker worker = new(key, context, (int)Number(seed));
            worker.Serve(Console.In, Console.Out);
            return 0;
        }

        if (args is ["--help" or "-h" or "help"])
        {
            Help();
            return 0;
        }

        Options options;
        try
        {
            options = Options.Parse(args);
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine(e.Message);
            Help();
            return 2;
        }

        if (!OperatingSystem.IsLinux())
        {
            Console.Error.WriteLine("It needs Linux, as the library does.");
            return 2;
        }

        MemoryGroup.RemoveOrphans();
        ZramSwap.RemoveOrphans();
        Place.RemoveOrphans();
        Leftovers.UndoWhenInterrupted();
        try
        {
            if (options.Out is { } folder)
            {
                Directory.CreateDirectory(folder); // or all would be measured for nothing
            }

            using Place place = Place.Take(options.Directory);
            return Run(options, Path.Combine(place.Path, RowsOf(options)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Leftovers.StayIfOver();
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    /// <summary>A name for the rows: what peers keep in a directory from run to run is theirs alone.</summary>
    private static string RowsOf(Options options)
    {
        byte[] source = System.Text.Encoding.UTF8.GetBytes(options.Data is { } data ? Path.GetFullPath(data) : "");
        return $"{options.Bytes}-{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(source), 0, 4)}";
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static void Help()
    {
        Console.WriteLine(Options.Usage);
        Console.WriteLine(
            "Not compared: ZoneTree (it has no bound in bytes on what it keeps of its files: " +
            "blocks stay for a time, records by their number, both as arrays of the collector's heap).");
        Console.WriteLine("Peers:");
        foreach (Peer peer in Peer.All)
        {
            Console.WriteLine($"  {peer.Key,-18} {peer.Name}");
        }
    }

    private static int Run(Options options, string place)
    {
        Directory.CreateDirectory(place);
        List<string> text = [.. Conditions(options, args: Environment.GetCommandLineArgs())];
        text.ForEach(Console.WriteLine);
        ProgressBar bar = new();
        Bench bench = new(options, place, bar);
        try
        {
            bench.Run();
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            Leftovers.StayIfOver();
            bar.Clear();
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        bar.Clear();
        Table[] tables = [.. Results.Tables(bench, options)];
        string[] notes =
        [
            $"{options.Bytes >> 20:n0} MiB of rows of 4 KiB, of {options.Data ?? "the .NET shared framework's own files"}, " +
            $"which LZ4 brings to 1/{bench.CompressionRatio:0.00}, row by row.",
            .. bench.Setups.Select(s => $"{s.Peer.Name} ({s.Setting}): {s.Settings}.{(s.State.Length > 0 ? $" After the work: {s.State}." : "")}"),
            .. bench.Skipped.Select(s => $"Left out: {s}"),
            "Not compared: ZoneTree (it has no bound in bytes on what it keeps of its files: blocks stay for a time, "
            + "records by their number, both as arrays of the collector's heap).",
            bench.Mismatches.Count == 0
                ? "All contents were as they should be."
                : $"{bench.Mismatches.Count} MISMATCHES: {string.Join("; ", bench.Mismatches)}",
        ];
        foreach (string line in tables.SelectMany(t => t.Lines()).Append("").Concat(notes))
        {
            Console.WriteLine(line);
        }

        if (options.Out is { } folder)
        {
            File.WriteAllLines(Path.Combine(folder, "peers.md"),
                [
                    "# Peers", "", .. text.SelectMany(l => (string[])[l, ""]), .. tables.SelectMany(t => t.Markdown()),
                    "## Notes", "", .. notes.Select(n => $"- {n}"),
                ]);
            File.WriteAllLines(Path.Combine(folder, "peers.csv"), Results.Csv(bench));
            if (bench.Flights.Count > 0)
            {
                File.WriteAllLines(Path.Combine(folder, "frames.csv"), Results.FramesCsv(bench));
            }

            Plots.Draw(bench, options, folder);
        }

        return bench.Mismatches.Count == 0 ? 0 : 1;
    }

    private static IEnumerable<string> Conditions(Options options, string[] args)
    {
        yield return $"Paging.Peers {string.Join(' ', args[1..])}";
        yield return $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} processors, "
            + $"{RuntimeInformation.OSDescription}, {options.Rounds} rounds of {options.SliceMilliseconds} ms, seed {options.Seed}";
        using MemoryGroup? group = MemoryGroup.TryCreate(out string why);
        yield return group is not null
            ? $"Each peer in a memory cgroup of its own: what a process takes that has opened nothing, " +
                $"the memory given, and {Child.SlackBytes >> 20} MiB"
            : $"NO MEMORY CGROUP ({why}): the page cache of memory-mapped files, " +
                "LMDB and RocksDB without direct reads is not bounded, and they are flattered by it";
    }
}
