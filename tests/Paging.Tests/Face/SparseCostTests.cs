using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Face;

/// <summary>What keeping account of pages costs where few are touched, and that it goes when they are discarded.</summary>
public class SparseCostTests
{
    private const int KiB = 1 << 10;
    private const long MiB = 1 << 20;
    private const long TiB = 1L << 40;

    /// <summary>A descriptor of each stored page, which stays for the next one.</summary>
    private const int DescriptorBytes = 32;

    [Theory]
    [InlineData(4 * KiB)]
    [InlineData(16 * KiB)]
    public void A_page_touched_alone_costs_64_bytes_at_most_and_gives_them_back(int pageBytes)
    {
        // A byte in each 2 MiB of 1 TiB: that is one page in a granule, or four.
        const int Step = 2 << 20;
        const int Touched = (int)(TiB / Step);
        using Pager pager = Make(pageBytes);
        using PagedArray<byte> array = pager.Allocate<byte>(TiB);
        long before = pager.GetStatistics().MetadataBytes;
        for (long index = 0; index < array.Length; index += Step)
            array[index + (index / Step % pageBytes)] = 7;
        long held = pager.GetStatistics().MetadataBytes - before;
        Assert.InRange((double)held / Touched - DescriptorBytes, 8, 64);
        for (long index = 0; index < array.Length; index += 97L * Step)
            Assert.Equal(7, array[index + (index / Step % pageBytes)]);

        array.Discard(0, array.Length);
        long left = pager.GetStatistics().MetadataBytes - before;

        // Descriptors are committed by 2 MiB. What is known of a granule stays, in 8 bytes.
        Assert.InRange(left - ((long)Touched * DescriptorBytes), 0, (TiB / pageBytes / 512 * 8) + (2 * MiB) + (64 * KiB));
        Assert.Equal(0, pager.GetStatistics().PoolStoredBytes);
        Assert.Equal(0, array[5 * Step + 5]);
    }

    [Theory]
    [InlineData(4 * KiB, 1, 300 * KiB)]
    [InlineData(16 * KiB, 1, 5 * KiB)]
    [InlineData(4 * KiB, 40, 1)]
    [InlineData(16 * KiB, 700, 1)]
    public void A_window_that_rolls_over_1_TiB_costs_what_is_in_it(int pageBytes, int pages, int stepPages)
    {
        using Pager pager = Make(pageBytes);
        using PagedArray<byte> array = pager.Allocate<byte>(TiB);
        long step = (long)stepPages * pageBytes;
        long window = pages * step;
        long most = 0;
        long before = pager.GetStatistics().MetadataBytes;
        int rounds = stepPages == 1 ? 50 * 512 : (int)(TiB / step) - pages;
        for (int round = 0; round < rounds; round++)
        {
            // Where the window moves by a page, it leaps now and then, so that it comes all the way.
            long leap = stepPages == 1 ? round / 512 * (TiB / 64) : 0;
            array[(round * step) + leap] = (byte)round;
            if (round >= pages)
            {
                long behind = (round - pages) * step;
                long leapt = stepPages == 1 ? (round - pages) / 512 * (TiB / 64) : 0;
                Assert.Equal((byte)(round - pages), array[behind + leapt]);
                array.Discard(behind + leapt, Math.Min(step, TiB - behind - leapt));
            }

            if (round % 256 == 0)
                most = Math.Max(most, pager.GetStatistics().MetadataBytes - before);
        }

        // The marks of the granules come to 8 bytes each where all of them are passed; 2 MiB for pages of 4 KiB.
        Assert.InRange(most, 1, (pages * (DescriptorBytes + 64)) + (TiB / pageBytes / 512 * 8) + MiB / 4);
        Assert.True(window < TiB);
    }

    [Fact]
    public void A_granule_that_has_its_table_gives_it_back_with_its_last_page()
    {
        using Pager pager = Make(4 * KiB);
        using PagedArray<byte> array = pager.Allocate<byte>(64 * MiB);
        array[0] = 1;
        array.Discard(0, array.Length);
        long before = pager.GetStatistics().MetadataBytes;
        for (int round = 0; round < 20; round++)
        {
            for (int page = 0; page < 300; page++)
                array[page * 4L * KiB] = (byte)(round + page);
            long held = pager.GetStatistics().MetadataBytes - before;
            Assert.InRange(held - (300 * DescriptorBytes), 4096 - (300 * DescriptorBytes), 4096 + 4096);
            for (int page = 0; page < 300; page++)
            {
                Assert.Equal((byte)(round + page), array[page * 4L * KiB]);
                array.Discard(page * 4L * KiB, 4 * KiB);
                Assert.Equal(0, array[page * 4L * KiB]);
            }

            Assert.InRange(pager.GetStatistics().MetadataBytes - before, 0, (300 * DescriptorBytes) + 4096);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Accesses_here_and_there_find_what_a_dictionary_holds(int backgroundThreads) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int round = 0; round < 6; round++)
            RunModel(ref rng, backgroundThreads);
    });

    /// <summary>Strides about the size of a granule, and of what it has nodes for, so that granules change their form all the time, in
    /// hardly any frames.</summary>
    private static void RunModel(ref Rng rng, int backgroundThreads)
    {
        const int PageBytes = 4 * KiB;
        const int PageLength = PageBytes / sizeof(long);
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = (16L + rng.Next(16)) * PageBytes,
            PoolBytes = 16 << 20,
            PageBytes = PageBytes,
            BackgroundThreads = backgroundThreads,
        });
        using PagedArray<long> array = pager.Allocate<long>((512L * 40 * PageLength) - 77);
        var model = new Dictionary<long, long>();
        long[] strides = [1, 3, 57, 63, 64, 65, 100, 511, 512, 513, 1024];
        long pages = array.PageCount;
        for (int act = 0; act < 2_000; act++)
        {
            long stride = strides[rng.Next(strides.Length)];
            long first = rng.Next(pages);
            int count = 1 + rng.Next(14);
            switch (rng.Next(8))
            {
                case 0 or 1 or 2:
                    for (long page = first; page < pages && count-- > 0; page += stride)
                        Set(page, rng.Next(PageLength));
                    break;
                case 3:
                    for (long page = first; page < pages && count-- > 0; page += stride)
                    {
                        long index = Math.Min(page * PageLength, array.Length - 1);
                        using WriteLease<long> lease = array.Write(index);
                        Assert.Equal(model.GetValueOrDefault(index), lease.Span[0]);
                        using ReadLease<long> other = array.Read(index);
                        lease.Span[0] = index + 1;
                        model[index] = other.Span[0];
                    }

                    break;
                case 4:
                    var copy = new long[Math.Min(array.Length - (first * PageLength), 2000)];
                    array.CopyTo(first * PageLength, copy);
                    for (int i = 0; i < copy.Length; i++)
                        Assert.Equal(model.GetValueOrDefault((first * PageLength) + i), copy[i]);
                    break;
                case 5:
                    foreach (long index in model.Keys.Skip(rng.Next(100)).Take(20))
                        Assert.Equal(model[index], array[index]);
                    for (long page = first; page < pages && count-- > 0; page += stride)
                        Assert.Equal(model.GetValueOrDefault(page * PageLength), array[page * PageLength]);
                    break;
                case 6:
                    var source = new long[1 + rng.Next(1500)];
                    long to = Math.Min((first * PageLength) + rng.Next(PageLength), array.Length - source.Length);
                    source.AsSpan().Fill(act);
                    array.CopyFrom(to, source);
                    for (int i = 0; i < source.Length; i++)
                        model[to + i] = act;
                    break;
                default:
                    long start = (first * PageLength) + rng.Next(2);
                    long length = Math.Min(array.Length - start, (1 + rng.Next(rng.Next(3) == 0 ? 5000 : 70)) * PageLength);
                    array.Discard(start, length);
                    foreach (long index in model.Keys.Where(index => index >= start && index < start + length).ToArray())
                        model.Remove(index);
                    break;
            }
        }

        foreach ((long index, long value) in model)
            Assert.Equal(value, array[index]);
        array.Discard(0, array.Length);
        Assert.Equal(0, Protocol.Internals.Domain(pager).Nodes.Count);
        Assert.All(model.Keys, index => Assert.Equal(0, array[index]));

        void Set(long page, long element)
        {
            long index = Math.Min((page * PageLength) + element, array.Length - 1);
            array[index] = act(index);
            model[index] = act(index);
            static long act(long index) => (index * 31) + 7;
        }
    }

    private static Pager Make(int pageBytes) => new(new PagerOptions
    {
        ResidentBytes = 64L * pageBytes,
        PoolBytes = 256 << 20,
        PageBytes = pageBytes,
        BackgroundThreads = 0,
    });
}
