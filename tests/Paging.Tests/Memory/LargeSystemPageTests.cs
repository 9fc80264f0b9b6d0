#if DEBUG
using Paging.Interop;
using Paging.Memory;
using Paging.Tests.Model;

namespace Paging.Tests.Memory;

/// <summary>Systems whose pages are larger than those of arrays, as kernels for Arm64 can have them: 16 or 64 KiB.</summary>
/// <remarks>On a system with smaller pages the calling thread is told that they are larger. Then it is the assertions of
/// <see cref="VirtualMemory"/> that refuse what such a system would.</remarks>
public sealed class LargeSystemPageTests
{
    private const int Page = 4096;

    [Theory]
    [InlineData(16 << 10)]
    [InlineData(64 << 10)]
    public unsafe void A_granule_cut_short_within_a_page_of_the_system_grows_and_is_given_back(int systemPage)
    {
        using var assumed = new Assumed(systemPage);
        int perGranule = VirtualMemory.SystemPageBytes / Page;
        var pool = new FramePool((perGranule + 2) * Page);
        try
        {
            FrameClass frames = pool.Class(Page);
            Grow(frames);
            Assert.Equal(perGranule + 2, frames.Frames);

            // The budget grows by less than what the granule lacks, and once more.
            for (int more = 3; more <= 4; more++)
            {
                pool.SetBudget((perGranule + more) * Page);
                Grow(frames);
                Assert.Equal(perGranule + more, frames.Frames);
            }

            var taken = new List<long>();
            for (long frame = frames.TakeFree(); frame >= 0; frame = frames.TakeFree())
            {
                new Span<byte>(frames.Address(frame), Page).Fill((byte)(1 + frame));
                taken.Add(frame);
            }

            Assert.All(taken, frame => Assert.Equal(-1, new Span<byte>(frames.Address(frame), Page).IndexOfAnyExcept((byte)(1 + frame))));
            Assert.Equal(perGranule + 4, taken.Count);
            int granule = frames.Granules.BeginDrain(floor: 0);
            (long first, long end) = frames.Granules.GranuleFrames(granule);
            Assert.Equal(4, end - first);
            taken.ForEach(frames.GiveBack);
            Assert.True(frames.Granules.EndDrain(granule));
            Assert.Equal(perGranule, frames.Frames);
            Assert.Equal(4 * Page, pool.RemainingBytes);

            // It reads as zeroes when it comes again, and what is before it was left alone.
            Assert.All(taken.Where(frame => frame < first), frame =>
                Assert.Equal(-1, new Span<byte>(frames.Address(frame), Page).IndexOfAnyExcept((byte)(1 + frame))));
            Grow(frames);
            Assert.Equal(perGranule + 4, frames.Frames);
            for (long frame = first; frame < end; frame++)
                Assert.Equal(-1, new Span<byte>(frames.Address(frame), Page).IndexOfAnyExcept((byte)0));
        }
        finally
        {
            pool.Release();
        }
    }

    /// <summary>The system's huge pages are of 32 or 512 MiB then, and holes lie in them that must stay empty.</summary>
    [Theory]
    [InlineData(16 << 10)]
    [InlineData(64 << 10)]
    public unsafe void Huge_pages_are_not_asked_for(int systemPage)
    {
        using var assumed = new Assumed(systemPage);
        var memory = new Reservation(4L * Reservation.HugePageBytes, accessible: false);
        try
        {
            Assert.True(memory.TryCommit(0, memory.Bytes, huge: true));
            Assert.DoesNotContain(" hg ", Mappings.FlagsAt((nint)memory.Address), StringComparison.Ordinal);
            memory.Advise(0, memory.Bytes, huge: true);
            memory.Collapse(0, memory.Bytes);
            Assert.DoesNotContain(" hg ", Mappings.FlagsAt((nint)memory.Address), StringComparison.Ordinal);
        }
        finally
        {
            memory.Release();
        }
    }

    /// <summary>Budgets that are no multiples of the system's page, frames and pool and file, buffers of ciphers, growing and shrinking.</summary>
    [Theory]
    [InlineData(16 << 10, Page)]
    [InlineData(16 << 10, 2 * Page)]
    [InlineData(64 << 10, Page)]
    [InlineData(64 << 10, 16 << 10)]
    public void Small_pages_are_paged_all_the_same(int systemPage, int pageBytes)
    {
        using var assumed = new Assumed(systemPage);
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = (5L * systemPage) + (3 * pageBytes) + 5,
            PoolBytes = (3L << 20) + 7,
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        SwapFile file = pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 32 << 20, Encrypt = true });
        using PagedArray<long> array = pager.Allocate<long>(1 << 20);
        using PagedArray<byte> larger = pager.Allocate<byte>(1 << 18, new PagedArrayOptions { PageBytes = 2 * pageBytes });
        larger.Fill(0, larger.Length, 9);
        long[] page = new long[array.PageLength];
        for (long start = 0; start < array.Length; start += page.Length)
        {
            Noise(page, start);
            array.CopyFrom(start, page);
        }

        Assert.True(pager.GetStatistics() is { FilePages: > 0, Writebacks: > 0 }, "something is in the file");
        Check(array, page);
        pager.Resize((9L * systemPage) + pageBytes + 5, 4L << 20);
        Check(array, page);
        pager.Resize((4L * systemPage) + pageBytes + 5, (2L << 20) + 7);
        using PagedArray<long> clone = array.Clone();
        array.Fill(0, array.Length, 3);
        Check(clone, page);
        Assert.Equal(3, array[array.Length - 1]);
        Assert.Equal(9, larger[12_345]);
        clone.Discard(0, clone.Length);
        array.Discard(0, array.Length);
        Assert.True(pager.GetStatistics() is { IoErrors: 0, CorruptedPages: 0, Pins: 0 }, "nothing failed");
        Assert.True(file.IsEncrypted, "the buffers of ciphers were in use");
    }

    private static void Grow(FrameClass frames)
    {
        while (frames.TryGrow())
        {
        }
    }

    private static void Check(PagedArray<long> array, long[] page)
    {
        long[] expected = new long[page.Length];
        for (long start = 0; start < array.Length; start += page.Length)
        {
            Noise(expected, start);
            array.CopyTo(start, page);
            Assert.True(page.AsSpan().SequenceEqual(expected), $"The page at {start} differs.");
        }
    }

    private static void Noise(long[] page, long seed)
    {
        var random = new Random((int)seed);
        for (int i = 0; i < page.Length; i++)
            page[i] = random.NextInt64();
    }

    /// <summary>What the system says to this thread, until the scope ends on it.</summary>
    private readonly ref struct Assumed
    {
        private readonly int? _before = VirtualMemory.AssumedPageBytes;

        internal Assumed(int systemPage) => VirtualMemory.AssumedPageBytes = Math.Max(systemPage, Environment.SystemPageSize);

        public void Dispose() => VirtualMemory.AssumedPageBytes = _before;
    }
}
#endif
