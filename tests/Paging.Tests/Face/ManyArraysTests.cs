using System.Runtime.CompilerServices;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>What arrays cost where there are many, and that addresses of disposed ones come back. Alone: it weighs the heap.</summary>
[Collection(nameof(BudgetTests))]
public class ManyArraysTests
{
    private const int PageBytes = 4 << 10;
    private const int Arrays = 10_000;

    [Fact]
    public void An_array_of_one_page_costs_256_bytes_of_metadata_and_512_of_heap()
    {
        using Pager pager = Make();
        pager.Allocate<byte>(PageBytes).Dispose();
        var arrays = new PagedArray<byte>[Arrays];

        // What tests before have dropped and is to be finalized goes only then.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long heap = GC.GetTotalMemory(forceFullCollection: true);
        long before = pager.GetStatistics().MetadataBytes;
        for (int i = 0; i < Arrays; i++)
        {
            arrays[i] = pager.Allocate<byte>(PageBytes);
            arrays[i].Fill(0, PageBytes, (byte)i);
            arrays[i][PageBytes / 2] = 3;
        }

        Assert.InRange((GC.GetTotalMemory(forceFullCollection: true) - heap) / Arrays, 0, 512);
        Assert.InRange((pager.GetStatistics().MetadataBytes - before) / Arrays, 8, 256 + 40);
        for (int i = 0; i < Arrays; i++)
        {
            Assert.Equal((byte)i, arrays[i][1]);
            Assert.Equal(3, arrays[i][PageBytes / 2]);
            arrays[i].Dispose();
        }

        // What has ever held a descriptor stays theirs.
        Assert.InRange(pager.GetStatistics().MetadataBytes - before, 0, Arrays * 40);
        Assert.Throws<ObjectDisposedException>(() => arrays[0][0]);
    }

    [Fact]
    public void An_array_that_stores_many_pages_gets_a_chooser_of_its_own()
    {
        using Pager pager = Make();
        using PagedArray<byte> first = pager.Allocate<byte>(PageBytes);
        using PagedArray<byte> second = pager.Allocate<byte>(256 * PageBytes);
        Assert.Same(Internals.Region(first).Policy.Chooser, Internals.Region(second).Policy.Chooser);
        for (int pass = 0; pass < 2; pass++)
        {
            for (long start = 0; start < second.Length; start += 97)
            {
                second[start] = (byte)(start * 31 / 17);
            }
        }

        Assert.NotSame(Internals.Region(first).Policy.Chooser, Internals.Region(second).Policy.Chooser);
        second.Compression = CompressionGoal.Ratio;
        first.Compression = CompressionGoal.Ratio;
        using PagedArray<byte> third = pager.Allocate<byte>(PageBytes);
        Assert.NotSame(Internals.Region(first).Policy.Chooser, Internals.Region(third).Policy.Chooser);
    }

    [Fact]
    public void Addresses_of_disposed_arrays_are_used_again()
    {
        using Pager pager = Make();
        for (int round = 0; round < 60; round++)
        {
            TouchAndDispose(pager, 1L << 45);
        }

        // A table takes 64 GiB. What waits for a collection is bounded.
        Assert.InRange(Internals.Domain(pager).Tables.ReservedBytes, 0, (1L << 40) + (1L << 38));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void TouchAndDispose(Pager pager, long length)
    {
        using PagedArray<byte> array = pager.Allocate<byte>(length);
        array[0] = 1;
        array[length - 1] = 2;
        Assert.Equal(3, array[0] + array[length - 1] + array[length / 2]);
    }

    private static Pager Make() => new(new PagerOptions
    {
        ResidentBytes = 64 * PageBytes,
        PoolBytes = 8 << 20,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    });
}
