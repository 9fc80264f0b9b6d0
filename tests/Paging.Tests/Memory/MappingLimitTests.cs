using System.Globalization;
using System.Runtime.InteropServices;
using Paging.Interop;
using Paging.Memory;
using Paging.Tests.Face;

namespace Paging.Tests.Memory;

/// <summary>A process with as many mappings as it may have (vm.max_map_count): address space is refused as everywhere else, and giving it
/// back never fails.</summary>
/// <remarks>The child is this very program, told to run <see cref="Child"/> alone.</remarks>
public sealed class MappingLimitTests
{
    private const string ChildVariable = "PAGING_MAPPING_LIMIT";
    private const string LimitFile = "/proc/sys/vm/max_map_count";
    private const string Result = "granted, refused, failed, kept:";
    private const long MostMappings = 200_000;
    private const long Long = 64L << 30;
    private const int Rounds = 40;

    [Fact]
    public async Task Reservations_are_had_or_refused_and_what_cannot_be_unmapped_is_unmapped_later()
    {
        long limit = long.Parse(await File.ReadAllTextAsync(LimitFile, TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
        Assert.SkipWhen(limit > MostMappings, $"A process may have {limit:N0} mappings here: too many to be made.");

        // The runtime itself ends a process in which it cannot map code: so no code is made at the limit.
        (int exitCode, string output) = await OwnProcess.Run(
            typeof(MappingLimitTests), (ChildVariable, "1"), ("DOTNET_EnableWriteXorExecute", "0"), ("DOTNET_TieredCompilation", "0"));
        int[] numbers = OwnProcess.NumbersBehind<int>(Result, output);
        Assert.Equal(0, exitCode);
        Assert.Equal(Rounds, numbers[0] + numbers[1] + numbers[2]);
        Assert.True(numbers[2] == 0 && numbers[3] == 0, output);
    }

    [Fact(Explicit = true)]
    public unsafe void Child()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(ChildVariable) is null, "The child of another test.");
        Span<int> counts = stackalloc int[3];
        Reserve(counts);
        counts.Clear();

        // Pages that may be read between others that may not: each is a mapping. The lowest ones look like a new reservation, which the
        // system, having no other hole of that length, places right below and joins with them; to trim it is then to cut a mapping in two.
        nuint page = (nuint)VirtualMemory.SystemPageBytes;
        nuint bytes = unchecked((nuint)Long);
        byte* hog = (byte*)MMap.mmap(
            null, bytes, MMap.PROT_NONE, MMap.MAP_PRIVATE | MMap.MAP_ANONYMOUS | MMap.MAP_NORESERVE, -1, 0);
        Assert.True(hog != MMap.MAP_FAILED);
        nuint made = 16;
        while (made <= MostMappings && MMap.mprotect(hog + (((2 * made) + 1) * page), page, MMap.PROT_READ) == 0)
            made++;
        Reserve(counts);
        bool isUnmapped = MMap.munmap(hog, bytes) == 0;
        Reservation later = new(1, accessible: false);
        later.Release();
        Assert.True(isUnmapped, $"munmap: {Marshal.GetLastPInvokeError()}");
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{Result} {counts[0]} {counts[1]} {counts[2]} {Kept}"));
    }

    private static int Kept => Unmapping.KeptCount;

    private static void Reserve(Span<int> counts)
    {
        for (int i = 0; i < Rounds; i++)
        {
            try
            {
                new Reservation(Long + 1 + i, accessible: false).Release();
                counts[0]++;
            }
            catch (InsufficientMemoryException)
            {
                counts[1]++;
            }
            catch (InvalidOperationException)
            {
                counts[2]++;
            }
        }
    }
}
