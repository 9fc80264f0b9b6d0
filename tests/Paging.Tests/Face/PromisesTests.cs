using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Face;

/// <summary>Promises of the README that no other test holds, and the page that says which test holds which.</summary>
[Collection(Alone.Name)]
public sealed partial class PromisesTests
{
    private const int PageBytes = 16 << 10;

#if DEBUG
    [Fact]
    public void Every_test_that_the_page_names_exists()
    {
        using Stream page = typeof(PromisesTests).Assembly.GetManifestResourceStream("promises.md")!;
        using var reader = new StreamReader(page);
        var classes = typeof(PromisesTests).Assembly.GetTypes().ToLookup(static type => type.Name, StringComparer.Ordinal);
        int tests = 0;
        foreach (Match name in TestName().Matches(reader.ReadToEnd()))
        {
            tests++;
            Assert.True(
                classes[name.Groups[1].Value].Any(type => type.GetMethod(name.Groups[2].Value)?.GetCustomAttributes<FactAttribute>().Any() == true),
                $"docs/promises.md names {name.Value}, which is no test.");
        }

        Assert.InRange(tests, 80, int.MaxValue);
    }
#endif

    [Fact]
    public void Once_warm_faults_and_evictions_take_no_memory_from_the_kernel()
    {
        const int Pages = 512;
        using var pager =
            new Pager(new PagerOptions { PageBytes = PageBytes, ResidentBytes = 64 * PageBytes, PoolBytes = 32 << 20, BackgroundThreads = 0 });
        using PagedArray<int> array = pager.Allocate<int>(Pages * (PageBytes / sizeof(int)));
        long written = 0;

        // Each round takes every page through a frame and, changed, back into the pool: some thousands of both.
        long least = long.MaxValue;
        for (int round = 0; round < 40 && least > 0; round++)
        {
            long before = FaultsOfThisThread();
            for (long page = 0; page < Pages; page++)
            {
                using WriteLease<int> lease = array.Write(page * array.PageLength);
                for (int i = 0; i < lease.Span.Length; i += 7)
                {
                    lease.Span[i] = (int)(++written * 0x9E3779B1);
                }
            }

            least = Math.Min(least, FaultsOfThisThread() - before);
        }

        // Were pages mapped and unmapped, it would be four for each of them.
        Assert.InRange(least, 0, Pages / 16);
        Assert.InRange(pager.GetStatistics().Evictions, Pages, long.MaxValue);
    }

    [Theory]
    [InlineData(4 << 10)]
    [InlineData(64 << 10)]
    [InlineData(1 << 20)]
    [InlineData(4 << 20)]
    public void Buffers_of_files_are_no_larger_than_promised(int pageBytes)
    {
        using var pager =
            new Pager(new PagerOptions { PageBytes = pageBytes, ResidentBytes = 64 << 20, PoolBytes = 2L << 30, BackgroundThreads = 0 });
        SegmentLog log = Internals.Domain(pager).Swap.LogFor(pageBytes)!;

        // A buffer has an entry's header, too, and begins and ends with whole blocks.
        const int Blocks = 3 * 4096;
        Assert.InRange(Bytes(log.EntryBuffers) + Bytes(log.RunBuffers), 1, (12 << 20) + (log.EntryBuffers.Count * Blocks));
        Assert.InRange(Bytes(log.SegmentBuffers), 1, 2L * (log.SegmentBytes + Blocks));

        static long Bytes(BounceBuffers buffers) => (long)buffers.Count * buffers.BufferBytes;
    }

    [Theory]
    [InlineData(4 << 10, 1 << 20)]
    [InlineData(64 << 10, 1 << 20)]
    [InlineData(64 << 10, 16 << 20)]
    [InlineData(1 << 20, 16 << 20)]
    public void Small_budgets_have_small_buffers(int pageBytes, int residentBytes)
    {
        using var pager = new Pager(new PagerOptions { PageBytes = pageBytes, ResidentBytes = residentBytes, PoolBytes = 64 << 20, BackgroundThreads = 0 });
        SwapStore swap = Internals.Domain(pager).Swap;
        SegmentLog log = swap.LogFor(pageBytes)!;

        // A huge page, and four pages of which one alone may have 4 MiB.
        const int Least = Paging.Memory.Reservation.HugePageBytes;
        Assert.InRange(Bytes(log.EntryBuffers), 1, Math.Max(residentBytes / 16, Math.Min(4L * log.EntryBuffers.BufferBytes, 4 << 20)));
        Assert.InRange(Bytes(log.RunBuffers), 1, Math.Max(residentBytes / 4, Least));
        Assert.InRange(Bytes(swap.SourceBuffers), 1, Math.Max(residentBytes / 4, Least));
        Assert.NotNull(Rented(log.RunBuffers, ReadPlan.MaxRun));

        static long Bytes(BounceBuffers buffers) => (long)buffers.Count * buffers.BufferBytes;

        static unsafe object? Rented(BounceBuffers buffers, int bytes)
        {
            byte* run = buffers.TryRentRun(bytes);
            if (run == null)
                return null;
            buffers.ReturnRun(run, bytes);
            return buffers;
        }
    }

    [Fact]
    public void A_file_says_truly_whether_it_goes_past_the_page_cache()
    {
        using var directory = new TemporaryDirectory();
        using var pager = new Pager(new PagerOptions { PageBytes = PageBytes, ResidentBytes = 64 * PageBytes, PoolBytes = 16 << 20 });
        SwapFile file = pager.AddSwapFile(new SwapFileOptions { Path = directory.Path, Bytes = 16 << 20 });
        string? descriptor = Directory.EnumerateFileSystemEntries("/proc/self/fd")
            .FirstOrDefault(fd => File.ResolveLinkTarget(fd, returnFinalTarget: false)
                ?.FullName.StartsWith(directory.Path + "/", StringComparison.Ordinal) == true);
        Assert.NotNull(descriptor);
        string flags = File.ReadLines($"/proc/self/fdinfo/{Path.GetFileName(descriptor)}")
            .First(static line => line.StartsWith("flags:", StringComparison.Ordinal));
        long bits = Convert.ToInt64(flags["flags:".Length..].Trim(), 8);
        long direct = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64
            ? 0x10000 : 0x4000;
        Assert.Equal((bits & direct) != 0, file.IsDirect);
    }

    [Fact]
    public void A_file_added_to_a_full_pager_makes_room()
    {
        using var directory = new TemporaryDirectory();
        using var pager =
            new Pager(new PagerOptions { PageBytes = PageBytes, ResidentBytes = 32 * PageBytes, PoolBytes = 4 << 20, BackgroundThreads = 0 });
        using var noise = new NoisePages(pager, 1024);
        noise.WriteUntilRefused(0);
        long first = noise.Count;
        pager.AddSwapFile(new SwapFileOptions { Path = directory.Path, Bytes = 8 << 20 });
        for (long page = first; page < first + 200; page++)
        {
            noise.Write(page);
        }

        noise.Verify();
    }

    /// <summary>Pages that the kernel has mapped for this thread, without reading them from a disk.</summary>
    private static long FaultsOfThisThread()
    {
        string line = File.ReadAllText("/proc/thread-self/stat");
        return long.Parse(line[(line.LastIndexOf(')') + 2)..].Split(' ')[7], CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"`(\w+Tests|\w+Properties)\.(\w+)`")]
    private static partial Regex TestName();
}
