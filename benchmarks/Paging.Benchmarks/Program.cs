using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Paging.Benchmarks.Micros;
using Paging.Benchmarks.Traces;
using Paging.Benchmarks.Workloads;

namespace Paging.Benchmarks;

/// <summary>The benchmarks whose ratios the project is held to: ours and the limit in one process, in alternating rounds.</summary>
/// <remarks>Exit code 0 whatever the ratios are, 1 when data came back different or something crashed, 2 for bad arguments.</remarks>
internal static class Program
{
    private const string Usage = """
        Paging.Benchmarks COMMAND [OPTIONS] [FILE|FOLDER...]

          fault    a fault from the pool           against K4os decoding the same pages
          raw      a fault of an incompressible page   against copy and checksum
          evict    evictions, dirty and clean      against K4os encoding the same pages; against 150 ns
          lease    a read lease on a resident page against two interlocked adds and the same read
          getter   the indexer                     against a native pointer, and a memory-mapped view accessor
          scan     reading in sequence             against a span over native memory
          sum      a sum through leases            against the same over a managed array
          threads  faults from two threads         against what K4os gains from the second
          readahead   reading pooled data in sequence   against K4os decoding the same pages on one thread
          density  a full pool under overwriting   bytes held, cost of cleaning, decay
          kernel   random 4 KiB faults             in the form of the kernel's figures
          codec    goals and filters over files    ratio, encoding, decoding, and what was chosen
          dispose  an array of stored pages        against the interlocked operations that it takes
          clone    an array of stored pages        against the interlocked operations that it takes
          gather   rows in random order            against a copying loop (resident), and ReadRow after ReadRow
          segments the coldest and the deadest of a million segments   against of 256
          latency  p99.9 of faults, p99.99 of TryRead beside a file   against decoding, and reading an array, alone
          cold     what is left alone              against Zstd on the same pages; faults beside it against without

          writeback   segments into a swap file    against raw O_DIRECT writes of the same size and depth
          fileamp     random overwriting           bytes written for the live bytes that left the pool
          filefault   a fault from a swap file     against pread of the same blocks and K4os
          filedepth   such faults from 16 threads  against raw O_DIRECT reads of the same size, 16 at once
          fileseq     pages in sequence from a    against raw O_DIRECT reads of 1 MiB, or decoding on all cores
                      swap file, read ahead
          fileencrypt encrypted writeback          against plain; faults likewise
          filebeside  faults from the pool         with cold data in a swap file against without
          mapped      rows of a mapped file        against MemoryMappedFile with MADV_RANDOM; in sequence against raw O_DIRECT
          dataset     an array saved           against encoding on all cores, or writing past the page cache
          file        the seven before mapped

          all      all of the above
          traces   hit ratios of replacement policies, LRU to the optimum, over traces of page numbers
          micro    single operations by BenchmarkDotNet, each beside its limit: --short, or its own options

          --pages 4K,16K,64K   page sizes
          --rounds N           rounds, 7 at least (9)
          --resident BYTES     frames (an eighth of the data, 64 frames at least)
          --data BYTES         pages a workload runs on (64M)
          --seed N             of all random orders (1)
          --swap DIRECTORY     where swap files go (the directory for temporary files)
          --each               a line for every file, not for every folder
          --frames N,N         frames for traces (10, 30 and 50% of a trace's pages)
          --array              replay traces on a real array, too
          --forecast           instead, what the pager says that more frames would save, beside what they save
          --rests              the same, with forecasts that rest as in every pager
          --csv FILE           the table of the traces, once more

        Without a path the input is the .NET shared framework's own files. For traces the files hold page numbers, a decimal one a line,
        plain or .gz; without a path they are generated.
        """;

    private const string AllOfFiles = "file";

    /// <summary>Not one of all: its input is of another kind, and it has no bounds.</summary>
    private const string OfTraces = "traces";

    private static readonly (string Name, Action<Options, Harness, Report> Run)[] s_workloads =
    [
        ("fault", FaultWorkload.Run),
        ("raw", RawWorkload.Run),
        ("evict", EvictWorkload.Run),
        ("lease", LeaseWorkload.Run),
        ("getter", GetterWorkload.Run),
        ("scan", ScanWorkload.Run),
        ("sum", SumWorkload.Run),
        ("threads", ThreadsWorkload.Run),
        ("readahead", ReadaheadWorkload.Run),
        ("density", DensityWorkload.Run),
        ("kernel", KernelWorkload.Run),
        ("codec", CodecWorkload.Run),
        ("dispose", DisposeWorkload.Run),
        ("clone", CloneWorkload.Run),
        ("gather", GatherWorkload.Run),
        ("segments", SegmentsWorkload.Run),
        ("latency", LatencyWorkload.Run),
        ("cold", ColdWorkload.Run),
        ("writeback", WritebackWorkload.Run),
        ("fileamp", FileAmplificationWorkload.Run),
        ("filefault", FileFaultWorkload.Run),
        ("filedepth", FileDepthWorkload.Run),
        ("fileseq", FileSequenceWorkload.Run),
        ("fileencrypt", FileEncryptWorkload.Run),
        ("filebeside", FileBesideWorkload.Run),
        ("mapped", MappedWorkload.Run),
        ("epochs", EpochsWorkload.Run),
        ("dataset", DatasetWorkload.Run),
        (OfTraces, TracesWorkload.Run),
    ];

    private static int Main(string[] args)
    {
        if (args is ["micro", ..])
        {
            Micro.Run(args[1..]);
            return 0;
        }

        Options options;
        try
        {
            options = Options.Parse(args);
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        var chosen = s_workloads.Where(w => IsChosen(options.Command, w.Name)).ToArray();
        if (chosen.Length == 0)
        {
            Console.WriteLine(Usage);
            return options.Command is "help" or "--help" or "-h" ? 0 : 2;
        }

        WarnIfNotOptimized();
        Console.WriteLine($"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.ProcessArchitecture}, " +
            $"{Environment.ProcessorCount} processors, {options.Rounds} rounds, seed {options.Seed}");
        return Run(chosen.Select(w => w.Run), options);
    }

    private static bool IsChosen(string command, string workload) =>
        command == workload || (command == "all" && workload != OfTraces) || (command == AllOfFiles && IsOfFiles(workload));

    private static bool IsOfFiles(string workload) =>
        workload == "writeback" || workload.StartsWith(AllOfFiles, StringComparison.Ordinal);

    private static int Run(IEnumerable<Action<Options, Harness, Report>> workloads, Options options)
    {
        Report report = new();
        Harness harness = new(options.Rounds);
        bool failed = false;
        foreach (var run in workloads)
        {
            try
            {
                run(options, harness, report);
            }
            catch (Exception e) // the other workloads still say something
            {
                failed = true;
                Console.Error.WriteLine($"FAILED: {e}");
            }

            Harness.Collect();
        }

        report.Summarize();
        return failed ? 1 : 0;
    }

    private static void WarnIfNotOptimized()
    {
        foreach (Assembly assembly in new[] { typeof(Pager).Assembly, typeof(Program).Assembly })
        {
            if (assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true)
            {
                Console.Error.WriteLine(
                    $"*** {assembly.GetName().Name} IS A DEBUG BUILD. THESE FIGURES MEAN NOTHING: run with -c Release. ***");
            }
        }
    }
}
