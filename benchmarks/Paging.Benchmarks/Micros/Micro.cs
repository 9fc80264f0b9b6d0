using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Paging.Benchmarks.Micros;

/// <summary>BenchmarkDotNet, for looking at single operations while working on them, each beside its limit. No bound is on these: what the
/// project is held to is measured by the other commands, in alternating rounds.</summary>
/// <remarks>In this process: a project made for it would be built by this repository's rules, and none of the operations needs another
/// runtime. Without arguments all run; anything that is not `--short` is BenchmarkDotNet's (a `--job` of its own runs beside this one).</remarks>
internal static class Micro
{
    private const string Short = "--short";

    private static readonly Type[] s_all =
        [
            typeof(LeaseMicro), typeof(GetterMicro), typeof(FaultMicro), typeof(StoreMicro), typeof(LoadMicro), typeof(CodecMicro),
            typeof(DecodeMicro), typeof(FilterMicro)
        ];

    public static void Run(string[] args)
    {
        Job job = (args.Contains(Short) ? Job.ShortRun : Job.Default).WithToolchain(InProcessEmitToolchain.Instance);
        IConfig config = DefaultConfig.Instance
            .WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "BenchmarkDotNet.Artifacts"))
            .AddJob(job);
        string[] others = [.. args.Where(a => a != Short)];
        _ = BenchmarkSwitcher.FromTypes(s_all).Run(others.Length > 0 ? others : ["--filter", "*"], config);
    }
}
