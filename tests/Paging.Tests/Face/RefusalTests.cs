#if DEBUG
using Paging.Memory;
using Paging.TestSeam;

namespace Paging.Tests.Face;

/// <summary>The system refuses address space, or pages of it: an exception with bytes and settings, and nothing half done.</summary>
[Collection(nameof(BudgetTests))]
public class RefusalTests
{
    private const int PageBytes = 4 << 10;
    private const int MostGrants = 100;

    [Fact]
    public void A_pager_that_is_refused_anything_leaves_nothing_reserved()
    {
        // Pagers that other tests have dropped must not be finalized in the middle of this.
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        int refusals = 0;
        while (true)
        {
            long before = Reservation.OutstandingBytes;
            TestHook.Grants = refusals;
            try
            {
                Make().Dispose();
                break;
            }
            catch (InsufficientMemoryException e)
            {
                AssertSaysWhat(e);
            }
            finally
            {
                TestHook.Grants = null;
            }

            Assert.Equal(before, Reservation.OutstandingBytes);
            Assert.InRange(++refusals, 1, MostGrants);
        }

        // Frames, records, descriptors, segments, the recompressor's and two logs' buffers, each reserved, some committed.
        Assert.InRange(refusals, 9, MostGrants);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(5000)]
    [InlineData(1L << 30)]
    public void An_array_that_is_refused_anything_works_once_it_is_not(long pages)
    {
        using Pager pager = Make();
        for (int grants = 0; ; grants++)
        {
            Assert.InRange(grants, 0, MostGrants);
            TestHook.Grants = grants;
            PagedArray<byte>? array = null;
            try
            {
                array = pager.Allocate<byte>(pages * PageBytes);
                array[5] = 1;
                array[array.Length - 1] = 2;
            }
            catch (InsufficientMemoryException e)
            {
                AssertSaysWhat(e);
            }
            catch (OutOfPagingSpaceException) when (array is not null)
            {
                // Not one frame could be had.
            }
            finally
            {
                TestHook.Grants = null;
            }

            if (array is not null)
            {
                array[5] = 3;
                array[array.Length - 1] = 4;
                Assert.Equal((3, 4, 0), (array[5], array[array.Length - 1], array[PageBytes]));
                array.Dispose();
                if (grants > 10)
                    return;
            }
        }
    }

    [Fact]
    public void A_frame_that_the_system_refuses_is_the_inner_exception()
    {
        using Pager pager = Make();
        using PagedArray<byte> array = pager.Allocate<byte>(8 * PageBytes);
        array[0] = 1;
        TestHook.Grants = 0;
        try
        {
            // The page that has a frame gives it up for the next one: it takes a lease to keep it.
            using ReadLease<byte> lease = array.Read(0);
            var e = Assert.Throws<OutOfPagingSpaceException>(() => array[PageBytes] = 2);
            AssertSaysWhat(Assert.IsType<InsufficientMemoryException>(e.InnerException));
        }
        finally
        {
            TestHook.Grants = null;
        }

        array[PageBytes] = 2;
        Assert.Equal((1, 2), (array[0], array[PageBytes]));
    }

    [Fact]
    public void Memory_for_the_pool_that_the_system_refuses_is_the_inner_exception()
    {
        using Pager pager = Make();
        var page = new byte[PageBytes];
        new Random(1).NextBytes(page);
        pager.Swap.Store(page);
        OutOfPagingSpaceException refused = Assert.Throws<OutOfPagingSpaceException>(() => StoreUntilFull(grants: 0));
        AssertSaysWhat(Assert.IsType<InsufficientMemoryException>(refused.InnerException));

        // A pool that is full by its budget is nobody's failure.
        OutOfPagingSpaceException full = Assert.Throws<OutOfPagingSpaceException>(() => StoreUntilFull(grants: null));
        Assert.Null(full.InnerException);

        void StoreUntilFull(int? grants)
        {
            TestHook.Grants = grants;
            try
            {
                while (true)
                {
                    pager.Swap.Store(page);
                }
            }
            finally
            {
                TestHook.Grants = null;
            }
        }
    }

    private static void AssertSaysWhat(InsufficientMemoryException e)
    {
        Assert.Matches("refused [0-9,]+ bytes", e.Message);
        Assert.All(
            ["ulimit -v", "ulimit -l", "vm.max_map_count", "vm.overcommit_memory", "cgroup"],
            setting => Assert.Contains(setting, e.Message, StringComparison.Ordinal));
    }

    private static Pager Make() => new(new PagerOptions
    {
        ResidentBytes = 64 * PageBytes,
        PoolBytes = 8 << 20,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    });
}
#endif
