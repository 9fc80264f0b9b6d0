using System.Globalization;
using Paging.Tests.Face;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs;

/// <summary>A page is decoded before its checksum is verified, so decoders must stand any bytes: no access outside source and page, no
/// exception, no loop without end.</summary>
/// <remarks>One that does not would take the process with it. So a child feeds it, which is this very program, told to run
/// <see cref="Child"/> alone. PAGING_FUZZ=20000000 makes it long; PAGING_SEED repeats a run.</remarks>
public sealed class DecoderFuzzTests
{
    private const string CountVariable = "PAGING_FUZZ";
    private const string SeedVariable = "PAGING_SEED";
    private const string TargetVariable = "PAGING_FUZZ_TARGET";
    private const string Survived = "the decoder has stood it";

    [Theory]
    [InlineData(nameof(FuzzTarget.Lz4))]
    [InlineData(nameof(FuzzTarget.Zstd))]
    [InlineData(nameof(FuzzTarget.Forms))]
    public async Task A_decoder_stands_any_bytes(string target)
    {
        string? given = Environment.GetEnvironmentVariable(CountVariable);
        long count = string.IsNullOrEmpty(given) ? UsualCount(target) : long.Parse(given, CultureInfo.InvariantCulture);
        ulong seed = Seeded.Next();
        Outcome outcome = await Run(target, count, seed);
        Assert.True(outcome.Survived, $"{SeedVariable}={seed} {CountVariable}={count} repeats this ({target}): {outcome.Output}");
    }

    /// <summary>The control: had a decoder such an error, the test above would find it.</summary>
    [Theory]
    [InlineData(nameof(FuzzTarget.ReadsBeforeSource))]
    [InlineData(nameof(FuzzTarget.ReadsBehindSource))]
    [InlineData(nameof(FuzzTarget.WritesBeforePage))]
    [InlineData(nameof(FuzzTarget.WritesBehindPage))]
    public async Task One_byte_outside_is_noticed(string target) => Assert.False((await Run(target, 100, seed: 1)).Survived);

    [Fact(Explicit = true)]
    public void Child()
    {
        string? target = Environment.GetEnvironmentVariable(TargetVariable);
        Assert.SkipWhen(target is null, "The child of another test.");
        ulong seed = ulong.Parse(Environment.GetEnvironmentVariable(SeedVariable)!, CultureInfo.InvariantCulture);
        long count = long.Parse(Environment.GetEnvironmentVariable(CountVariable)!, CultureInfo.InvariantCulture);
        Feed(Enum.Parse<FuzzTarget>(target), seed, count);
        Console.Out.WriteLine(Survived);
    }

    /// <remarks>Filters take their time without optimization.</remarks>
    private static long UsualCount(string target) => target == nameof(FuzzTarget.Forms) ? 5_000 : 60_000;

    private static void Feed(FuzzTarget target, ulong seed, long count)
    {
        if (target == FuzzTarget.Forms)
        {
            using var forms = new FormFuzz(seed);
            forms.Run(count);
            return;
        }

        using var fuzz = new DecoderFuzz(target, seed);
        fuzz.Run(count);
    }

    private static async Task<Outcome> Run(string target, long count, ulong seed)
    {
        (int exitCode, string output) = await OwnProcess.Run(
            typeof(DecoderFuzzTests),
            (TargetVariable, target),
            (CountVariable, count.ToString(CultureInfo.InvariantCulture)),
            (SeedVariable, seed.ToString(CultureInfo.InvariantCulture)));
        return new Outcome(exitCode == 0 && output.Contains(Survived, StringComparison.Ordinal), output);
    }

    private sealed record Outcome(bool Survived, string Output);
}
