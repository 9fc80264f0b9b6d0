using System.Diagnostics;
using System.Globalization;

namespace Paging.Tests.Face;

/// <summary>This very program once more, told to run the method <c>Child</c> of a test alone: where no other test runs beside it, or where
/// it can be killed.</summary>
internal static class OwnProcess
{
    internal static Process Start(Type test, params ReadOnlySpan<(string Name, string Value)> environment)
    {
        string program = Path.ChangeExtension(test.Assembly.Location, null);
        Assert.True(File.Exists(program), $"There is no {program}.");
        var start = new ProcessStartInfo(program, ["-method", $"{test.FullName}.Child", "-explicit", "only", "-noColor"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Runs it to its end.</summary>
    internal static async Task<(int ExitCode, string Output)> Run(Type test, params (string Name, string Value)[] environment)
    {
        using Process child = Start(test, environment);
        try
        {
            Task<string> errors = child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (child.ExitCode, output + await errors);
        }
        finally
        {
            child.Kill();
        }
    }

    /// <summary>What is behind a text in the line of the output that has it.</summary>
    internal static T[] NumbersBehind<T>(string text, string output) where T : IParsable<T>
    {
        string? line = output.Split('\n').FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal));
        Assert.True(line is not null, output);
        return [.. line[(line.IndexOf(text, StringComparison.Ordinal) + text.Length)..].Trim().Split(' ')
            .Select(static number => T.Parse(number, CultureInfo.InvariantCulture))];
    }

    /// <summary>By a child that is to be killed: its input ends with whoever was to do it, and then nothing is left running either.</summary>
    internal static void EndWithParent() => new Thread(static () =>
    {
        Console.In.ReadToEnd();
        Environment.Exit(1);
    })
    { IsBackground = true }.Start();
}
