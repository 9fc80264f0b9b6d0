using System.Globalization;
using System.IO.Hashing;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs;

/// <summary>What is stored does not depend on the instructions that the processor has.</summary>
/// <remarks>The runtime's switches hold for a whole process. So a child, which is this very program, told to run <see cref="Child"/> alone,
/// stores pages with less and less. The whole suite runs with them as well: <c>DOTNET_EnableAVX2=0 Paging.Tests</c>.</remarks>
public sealed class VectorWidthTests
{
    private const string SeedVariable = "PAGING_SEED";
    private const string ChildVariable = "PAGING_WIDTH_CHILD";
    private const string Result = "stored as ";

    [Fact]
    public async Task Pages_are_stored_the_same_by_any_instructions()
    {
        ulong seed = Seeded.Next();
        Outcome here = Store(seed);
        (string Switch, SimdLevel AtMost)[] switches =
        [
            ("DOTNET_EnableAVX512", SimdLevel.Avx2),
            ("DOTNET_EnableAVX2", SimdLevel.Vector128),
            ("DOTNET_EnableHWIntrinsic", SimdLevel.Scalar),
        ];
        Outcome[] outcomes = await Task.WhenAll(switches.Select(one => Run(one.Switch, seed)));
        foreach (((string name, SimdLevel atMost), Outcome outcome) in switches.Zip(outcomes))
        {
            Assert.True(outcome.Level <= atMost, $"{name}=0 leaves {outcome.Level}");
            Assert.True(
                outcome.Pages == here.Pages && outcome.Stored == here.Stored,
                string.Create(CultureInfo.InvariantCulture, $"{SeedVariable}={seed}: {name}=0 stores {outcome}, without it {here}"));
        }
    }

    [Fact(Explicit = true)]
    public void Child()
    {
        string? child = Environment.GetEnvironmentVariable(ChildVariable);
        Assert.SkipWhen(child is null, "The child of another test.");
        ulong seed = ulong.Parse(Environment.GetEnvironmentVariable(SeedVariable)!, CultureInfo.InvariantCulture);
        Outcome outcome = Store(seed);
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{Result}{(int)outcome.Level} {outcome.Pages} {outcome.Stored}"));
    }

    /// <summary>Pages by every filter, and as a policy chooses; each is decoded again.</summary>
    private static unsafe Outcome Store(ulong seed)
    {
        var rng = new Rng(seed);
        var pages = new XxHash3();
        var stored = new XxHash3();
        byte[] target = new byte[80_000];
        byte[] decoded = new byte[70_000];
        foreach (int stride in (int[])[1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 28, 32, 40, 64, 100, 512])
        {
            foreach (Filter filter in Forms.FiltersOf(stride))
            {
                byte[] page = Next(1 + rng.Next(4096));
                Encoded(new StoredForm(stride % 3 == 0 ? Codec.Zstd : Codec.Lz4, filter), page);
            }
        }

        Encoded(Forms.Encoded(ref rng), Next(70_000));
        var policy = new CompressionPolicy(4, CompressionGoal.Balanced, filter: null);
        for (int i = 0; i < 200; i++)
        {
            byte[] page = Next(4096);
            fixed (byte* source = page, to = target)
            {
                int encoded = policy.Encode(source, page.Length, to, out StoredForm form);
                Decoded(form, encoded, page);
            }
        }

        return new Outcome(SimdLevels.Supported, pages.GetCurrentHashAsUInt64(), stored.GetCurrentHashAsUInt64());

        byte[] Next(int length)
        {
            byte[] page = PageKinds.Any(ref rng, length);
            pages.Append(page);
            return page;
        }

        void Encoded(StoredForm form, byte[] page)
        {
            fixed (byte* source = page, to = target)
                Decoded(form, PageCodec.TryEncode(form, 1, source, page.Length, to, target.Length), page);
        }

        void Decoded(StoredForm form, int encoded, byte[] page)
        {
            Assert.InRange(encoded, 1, target.Length);
            stored.Append([(byte)form.PackCodec(), (byte)form.PackStride()]);
            stored.Append(target.AsSpan(0, encoded));
            fixed (byte* from = target, to = decoded)
                Assert.True(PageCodec.TryDecode(form, from, encoded, to, page.Length), $"{form} does not decode");
            Assert.True(decoded.AsSpan(0, page.Length).SequenceEqual(page), $"{form}: the page is not what it was");
        }
    }

    private static async Task<Outcome> Run(string without, ulong seed)
    {
        string number = seed.ToString(CultureInfo.InvariantCulture);
        (_, string output) = await OwnProcess.Run(typeof(VectorWidthTests), (ChildVariable, "1"), (SeedVariable, number), (without, "0"));
        ulong[] numbers = OwnProcess.NumbersBehind<ulong>(Result, $"{SeedVariable}={seed} {without}=0:\n{output}");
        return new Outcome((SimdLevel)numbers[0], numbers[1], numbers[2]);
    }

    private sealed record Outcome(SimdLevel Level, ulong Pages, ulong Stored);
}
