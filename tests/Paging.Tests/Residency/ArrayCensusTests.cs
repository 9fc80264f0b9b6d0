using Paging.Residency;
using Paging.Stress.Driver;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>What is said of each array is what the pager says of all together.</summary>
[Collection(Alone.Name)]
public sealed class ArrayCensusTests
{
    private const int PageBytes = 4 << 10;
    private const int PageLength = PageBytes / sizeof(long);

    private static readonly PagerOptions s_options = new()
    {
        PageBytes = PageBytes,
        ResidentBytes = 64 * PageBytes,
        PoolBytes = 4 << 20,
        BackgroundThreads = 0,
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_figures_of_all_arrays_add_up_to_those_of_the_pager(int seed)
    {
        using var pager =
            new Pager(s_options with { PoolBytes = 512 << 10, SwapFiles = [new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 32 << 20 }] });
        var rng = new Rng((ulong)seed);
        List<PagedArray<long>> arrays = [.. new[] { 1, 40, 700, 2_000, 1_000_000 }.Select(
            (pages, i) => pager.Allocate<long>((long)pages * PageLength - i, new PagedArrayOptions { Name = i == 0 ? null : $"array {i}" }))];
        var page = new long[PageLength];
        for (int round = 0; round < 4; round++)
        {
            foreach (PagedArray<long> array in arrays)
            {
                for (int i = 0; i < 500; i++)
                {
                    long start = rng.Next(array.PageCount) * PageLength;
                    int length = (int)Math.Min(PageLength, array.Length - start);
                    switch (rng.Next(8))
                    {
                        case 0:
                            array.Discard(start, length);
                            break;
                        case < 4:
                            Content.Write<long>((ContentKind)rng.Next(4), rng.Next(), page);
                            array.CopyFrom(start, page.AsSpan(0, length));
                            break;
                        default:
                            _ = array[start];
                            break;
                    }
                }
            }

            AwaitWrites(pager);
            IReadOnlyList<PagedArrayStatistics> all = pager.GetArrays();
            PagerStatistics now = pager.GetStatistics();
            Assert.Equal(arrays.Select(static array => array.Name), all.Select(static one => one.Name));
            Assert.Equal(arrays.Select(static array => array.Length * sizeof(long)), all.Select(static one => one.LogicalBytes));
            Assert.True(now.ResidentBytes == all.Sum(static one => one.ResidentPages) * PageBytes, $"seed {seed}: {now}");
            Assert.True(now.FilePages == all.Sum(static one => one.FilePages), $"seed {seed}: {now}");
            Assert.All(all, static one => Assert.InRange(one.FilePages, 0, one.StoredPages));
        }

        Assert.True(pager.GetStatistics().FilePages > 0, $"seed {seed}");

        arrays[2].Dispose();
        Assert.DoesNotContain(pager.GetArrays(), static one => one.Name == "array 2");
        Assert.Equal(4, pager.GetStatistics().Arrays);
    }

    [Fact]
    public void Without_files_the_stored_bytes_add_up_too()
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> text = Filled(pager, ContentKind.Text, 300);
        using PagedArray<long> same = Filled(pager, ContentKind.Constant, 200);
        Internals.PageOutAll(Internals.Domain(pager));
        for (long i = 0; i < 32; i++)
        {
            // Clean pages in frames keep their copies.
            _ = text[i * PageLength];
        }

        IReadOnlyList<PagedArrayStatistics> all = pager.GetArrays();
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(now.PoolStoredBytes, all.Sum(static one => one.StoredBytes));
        Assert.Equal(now.SameFilledPages, all[1].StoredPages);
        Assert.Equal((0, 0), (all[1].StoredBytes, all[1].FilePages));
        Assert.Equal(300, all[0].StoredPages);
        Assert.Equal((32, 0), (all[0].ResidentPages, all[1].ResidentPages));
    }

    [Fact]
    public void Of_long_arrays_some_parts_are_looked_at_and_count_for_the_others()
    {
        using var pager = new Pager(s_options with { ResidentBytes = 512 * PageBytes, PoolBytes = 64 << 20 });
        using PagedArray<long> array = Filled(pager, ContentKind.Text, 8_000);
        Internals.PageOutAll(Internals.Domain(pager));
        PagedArrayStatistics exact = pager.GetArrays()[0];
        PagedArrayStatistics few = new ArrayCensus(Internals.Domain(pager), maxWords: 2_000, maxStored: 200).Take()[0];
        Assert.InRange(few.StoredPages, exact.StoredPages * 9 / 10, exact.StoredPages * 11 / 10);
        Assert.InRange(few.StoredBytes, exact.StoredBytes * 9 / 10, exact.StoredBytes * 11 / 10);
        Assert.Equal((8_000, 0), (exact.StoredPages, exact.ResidentPages));
    }

    [Fact]
    public void The_filter_in_use_is_named()
    {
        using var pager = new Pager(s_options);
        using PagedArray<float> delta = pager.Allocate<float>(100, new PagedArrayOptions { Filter = PageFilter.Delta });
        using PagedArray<float> shuffle = pager.Allocate<float>(100, new PagedArrayOptions { Filter = PageFilter.Shuffle });
        using PagedArray<float> bits = pager.Allocate<float>(100, new PagedArrayOptions { Filter = PageFilter.BitShuffle });
        using PagedArray<float> none = pager.Allocate<float>(100, new PagedArrayOptions { Filter = PageFilter.None });
        Assert.Equal(
            [PageFilter.Delta, PageFilter.Shuffle, PageFilter.BitShuffle, PageFilter.None],
            pager.GetArrays().Select(static one => one.Filter));
    }

    [Fact]
    public void Nothing_but_the_result_is_allocated()
    {
        using var pager = new Pager(s_options);
        using PagedArray<long> one = Filled(pager, ContentKind.Text, 700);
        using PagedArray<long> two = Filled(pager, ContentKind.Text, 7);
        IReadOnlyList<PagedArrayStatistics> result = pager.GetArrays();
        long allocated = Codecs.Allocations.Least(() => result = pager.GetArrays(), uses: 1);
        Assert.InRange(allocated, 1, 32 + 2 * System.Runtime.CompilerServices.Unsafe.SizeOf<PagedArrayStatistics>());
        Assert.Equal(2, result.Count);
    }

    [Fact]
    public void Arrays_may_come_go_and_page_meanwhile()
    {
        using var pager = new Pager(s_options);
        using var stop = new CancellationTokenSource();
        Crew.Run(
            3,
            thread =>
            {
                if (thread == 0)
                {
                    for (int i = 0; i < 300; i++)
                    {
                        Assert.All(pager.GetArrays(), static one => Assert.InRange(one.ResidentPages, 0, 200));
                    }

                    stop.Cancel();
                    return;
                }

                while (!stop.IsCancellationRequested)
                {
                    using PagedArray<long> array = Filled(pager, ContentKind.Text, 100);
                    array.Discard(0, array.Length / 2);
                }
            });
    }

    /// <summary>A write that ends takes its pages out of the pool.</summary>
    private static void AwaitWrites(Pager pager)
    {
        while (Internals.Domain(pager).Swap.Writeback.InFlight != 0)
        {
            Thread.Yield();
        }
    }

    private static PagedArray<long> Filled(Pager pager, ContentKind kind, int pages)
    {
        PagedArray<long> array = pager.Allocate<long>((long)pages * PageLength);
        var page = new long[PageLength];
        for (long start = 0; start < array.Length; start += PageLength)
        {
            Content.Write<long>(kind, (ulong)start + 1, page);
            array.CopyFrom(start, page);
        }

        return array;
    }
}
