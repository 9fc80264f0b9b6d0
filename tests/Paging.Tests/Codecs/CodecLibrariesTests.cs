using System.Runtime.InteropServices;
using Paging.Tests.Face;

namespace Paging.Tests.Codecs;

/// <summary>What pages are compressed with is loaded with the first pager, and not by a thread of the background in the middle of work, where
/// a process without descriptors would end.</summary>
/// <remarks>The child is this very program, told to run <see cref="Child"/> alone: here other tests have loaded everything.</remarks>
public sealed class CodecLibrariesTests
{
    private const string ChildVariable = "PAGING_CODEC_LIBRARIES";
    private const string Loaded = "loaded behind the constructor:";

    [Fact]
    public async Task Nothing_is_loaded_behind_the_constructor()
    {
        (int exitCode, string output) = await OwnProcess.Run(typeof(CodecLibrariesTests), (ChildVariable, "1"));
        Assert.True(exitCode == 0, output);
        string line = Assert.Single(output.Split('\n'), static line => line.StartsWith(Loaded, StringComparison.Ordinal));
        Assert.Equal(Loaded, line.TrimEnd());
    }

    [Fact(Explicit = true)]
    public void Child()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(ChildVariable) is null, "The child of another test.");
        string[] wanted =
            ["K4os", "ZstdSharp", "System.IO.Hashing", "System.Runtime.Intrinsics", "System.Numerics", "System.Runtime.CompilerServices.Unsafe"];
        var loaded = new List<string>();
        using (var pager = new Pager(new PagerOptions { ResidentBytes = 1 << 20, PoolBytes = 8 << 20, BackgroundThreads = 0 }))
        {
            AppDomain.CurrentDomain.AssemblyLoad += (_, load) =>
            {
                string name = load.LoadedAssembly.GetName().Name!;
                if (wanted.Any(one => name.StartsWith(one, StringComparison.Ordinal)))
                    loaded.Add(name);
            };
            foreach (CompressionGoal goal in Enum.GetValues<CompressionGoal>())
                Use(pager, goal);
        }

        Console.Out.WriteLine($"{Loaded} {string.Join(' ', loaded)}");
    }

    /// <summary>Twice as much as there are frames, out and in again.</summary>
    private static void Use(Pager pager, CompressionGoal goal)
    {
        using PagedArray<float> array = pager.Allocate<float>((2 << 20) / sizeof(float), new PagedArrayOptions { Compression = goal });
        float[] contents = new float[array.Length];
        for (int i = 0; i < contents.Length; i++)
            contents[i] = i;
        array.CopyFrom(0, contents);
        float[] read = new float[contents.Length];
        array.CopyTo(0, read);
        Assert.True(MemoryMarshal.AsBytes(read.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(contents.AsSpan())));
    }
}
