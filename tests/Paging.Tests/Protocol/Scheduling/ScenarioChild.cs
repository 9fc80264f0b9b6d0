#if DEBUG
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Paging.Tests.Protocol;

/// <summary>A process that runs all scenarios one after another, beside the tests of this one: scenarios need hooks of a whole process, and
/// most of a minute of one processor.</summary>
/// <remarks>The child is this very program, told to run <see cref="ScenarioInProcessTests.Child"/> alone. It writes a line for each scenario.
/// What it leaves out, since it died or hangs, fails with everything that it has printed.</remarks>
internal sealed class ScenarioChild
{
    internal const string Variable = "PAGING_SCENARIO_CHILD";

    /// <summary>Before what the child says to its parent.</summary>
    private const string Prefix = "scenario result: ";

    /// <summary>A child that says nothing for so long hangs. A scenario takes seconds.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);

    private static readonly Lazy<ScenarioChild> s_child = new(static () => new ScenarioChild(
        Path.ChangeExtension(typeof(ScenarioChild).Assembly.Location, null),
        ["-method", $"{typeof(ScenarioInProcessTests).FullName}.{nameof(ScenarioInProcessTests.Child)}", "-explicit", "only", "-noColor"]));

    private readonly Dictionary<string, TaskCompletionSource<ScenarioResult>> _results = Scenarios.All.ToDictionary(
        static scenario => scenario.Name, static _ => new TaskCompletionSource<ScenarioResult>(TaskCreationOptions.RunContinuationsAsynchronously));

    private readonly StringBuilder _printed = new();

    /// <summary>Starts a program that says what came of scenarios.</summary>
    internal ScenarioChild(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            Environment = { [Variable] = "1" },
        };
        Process process = Process.Start(start)!;
        _ = Task.Run(() => Listen(process));
    }

    /// <summary>Whether tests of this run wait for it.</summary>
    internal static bool IsWanted { get; set; }

    /// <summary>The one that runs the scenarios. Started by the first who asks for it.</summary>
    internal static ScenarioChild Instance => s_child.Value;

    /// <summary>What came of a scenario, as soon as it is known.</summary>
    internal Task<ScenarioResult> ResultOf(string name) => _results[name].Task;

    /// <summary>By the child.</summary>
    internal static void Tell(ScenarioResult result)
    {
        Console.Out.WriteLine(Line(result));
        Console.Out.Flush();
    }

    internal static string Line(ScenarioResult result) => Prefix + JsonSerializer.Serialize(result);

    private async Task Listen(Process process)
    {
        string end = "has ended";
        try
        {
            Task errors = Task.Run(async () =>
            {
                while (await process.StandardError.ReadLineAsync() is { } line)
                    Note(line);
            });
            while (await process.StandardOutput.ReadLineAsync().WaitAsync(s_patience) is { } line)
            {
                int at = line.IndexOf(Prefix, StringComparison.Ordinal);
                if (at < 0)
                {
                    Note(line);
                    continue;
                }

                ScenarioResult result = JsonSerializer.Deserialize<ScenarioResult>(line[(at + Prefix.Length)..])!;
                _results[result.Name].TrySetResult(result);
            }

            await errors.WaitAsync(s_patience);
            await process.WaitForExitAsync().WaitAsync(s_patience);
            end = $"has ended with {process.ExitCode}";
        }
        catch (Exception e)
        {
            end = e is TimeoutException ? $"has said nothing for {s_patience.TotalMinutes} minutes" : $"cannot be understood: {e}";
            process.Kill();
        }

        foreach (TaskCompletionSource<ScenarioResult> result in _results.Values)
        {
            lock (_printed)
                result.TrySetException(
                    new InvalidOperationException($"The process that runs the scenarios {end}, and this one was not run. It printed:\n{_printed}"));
        }
    }

    private void Note(string line)
    {
        lock (_printed)
            _printed.AppendLine(line);
    }
}
#endif
