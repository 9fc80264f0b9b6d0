using System.Diagnostics;
using System.Globalization;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Files;

/// <summary>kill -9 at any moment: no file, and no space that a file without a name would hold, is left behind.</summary>
/// <remarks>The child is this very program, told to run <see cref="Child"/> alone:
/// <c>PAGING_KILL_DIRECTORY=/somewhere Paging.Tests -method "Paging.Tests.Files.KillTests.Child" -explicit only</c>.</remarks>
public sealed class KillTests
{
    private const string DirectoryVariable = "PAGING_KILL_DIRECTORY";
    private const string Opening = "child opens its files";
    private const string Working = "child has worked";
    private const int Kills = 4;

    [Fact]
    public async Task A_killed_process_leaves_no_file_behind()
    {
        ulong seed = Seeded.Next();
        var rng = new Rng(seed);
        for (int kill = 0; kill < Kills; kill++)
        {
            using var directory = new TemporaryDirectory();
            using Process child = OwnProcess.Start(typeof(KillTests), (DirectoryVariable, directory.Path));
            int moments = kill == 0 ? 0 : rng.Next(25);
            try
            {
                int seen = await ReadTo(child, Opening, 1) + await ReadTo(child, Working, moments);
                if (seen != 1 + moments)
                    Assert.Fail($"PAGING_SEED={seed}: the child ended early: " +
                        $"{await child.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}");
                if (moments > 0)
                {
                    // What follows would find nothing else either.
                    Assert.Equal(2, OpenFilesOf(directory, child.Id));
                }

                // A moment between two lines, too.
                Thread.SpinWait(rng.Next(100_000));
            }
            finally
            {
                child.Kill();
                await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            Assert.Equal(128 + 9, child.ExitCode);
            directory.AssertEmpty();
            Assert.Equal(0, OpenFiles(directory));
        }
    }

    /// <summary>Works with swap files until it is killed.</summary>
    [Fact(Explicit = true)]
    public void Child()
    {
        string? directory = Environment.GetEnvironmentVariable(DirectoryVariable);
        Assert.SkipWhen(directory is null, "The child of another test.");
        OwnProcess.EndWithParent();
        Console.Out.WriteLine(Opening);
        Console.Out.Flush();
        using var held = new Held(
            900,
            backgroundThreads: 1,
            Held.File() with { Path = directory },
            Held.File(encrypt: true) with { Path = Path.Combine(directory, "named") });
        held.Fill();
        var rng = new Rng(1);
        for (int i = 0; i < 10_000; i++)
        {
            held.Work(new Rng(rng.Next()), operations: 200, stop: TestContext.Current.CancellationToken);
            Assert.True(i > 10 || held.Statistics.BytesWritten > 0);
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Working} {i}"));
            Console.Out.Flush();
        }
    }

    /// <summary>Reads lines until so many contain a text.</summary>
    /// <returns>How many did before the output ended.</returns>
    private static async Task<int> ReadTo(Process child, string text, int count)
    {
        int seen = 0;
        while (seen < count && await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            seen += line.Contains(text, StringComparison.Ordinal) ? 1 : 0;
        return seen;
    }

    /// <summary>Files in the directory, deleted ones above all, that any process has open.</summary>
    private static int OpenFiles(TemporaryDirectory directory) => Directory.EnumerateDirectories("/proc")
        .Select(process => int.TryParse(Path.GetFileName(process), CultureInfo.InvariantCulture, out int id) ? id : 0)
        .Where(id => id != 0)
        .Sum(id => OpenFilesOf(directory, id));

    private static int OpenFilesOf(TemporaryDirectory directory, int process)
    {
        try
        {
            return directory.OpenFiles(process.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;    // gone meanwhile, or another user's
        }
    }
}
