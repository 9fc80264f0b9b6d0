namespace Paging.Tests.Face;

public class LeaseTests
{
    [Fact]
    public void A_default_lease_is_empty_and_disposing_it_does_nothing()
    {
        ReadLease<decimal> read = default;
        WriteLease<int> write = default;
        Assert.True(read.Span.IsEmpty);
        Assert.True(write.Span.IsEmpty);
        for (int i = 0; i < 3; i++)
        {
            read.Dispose();
            write.Dispose();
        }
    }

    [Fact]
    public void Leases_are_disposed_through_their_interface_as_use_of_FSharp_does()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(3000);
        ReadLease<int> read = array.Read(0);
        WriteLease<int> write = array.Write(0);
        Assert.Equal(2, working.Pager.GetStatistics().Pins);
        Dispose(ref read);
        Dispose(ref write);
        Dispose(ref read);
        Assert.Equal(0, working.Pager.GetStatistics().Pins);
        Assert.True(read.Span.IsEmpty);

        static void Dispose<TLease>(ref TLease lease)
            where TLease : IDisposable, allows ref struct => lease.Dispose();
    }

    [Fact]
    public void A_lease_spans_to_the_end_of_its_page_or_of_the_array()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(3000);
        foreach ((long start, int length) in new[] { (0L, 1024), (1L, 1023), (1023L, 1), (1024L, 1024), (2048L, 952), (2999L, 1) })
        {
            using ReadLease<int> read = array.Read(start);
            using WriteLease<int> write = array.Write(start);
            Assert.Equal(length, read.Span.Length);
            Assert.Equal(length, write.Span.Length);
            using ReadLease<int> exact = array.Read(start, length);
            Assert.Equal(length, exact.Span.Length);
        }
    }

    [Fact]
    public void Leases_on_one_page_show_each_others_writes_and_those_by_value()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(1024);
        using ReadLease<int> read = array.Read(0);
        using WriteLease<int> first = array.Write(0);
        using WriteLease<int> second = array.Write(100, 10);
        first.Span[1] = 11;
        second.Span[0] = 22;
        array[2] = 33;
        array.Fill(500, 100, 44);
        array.CopyFrom(700, [55, 56]);
        Assert.Equal(
            [11, 22, 33, 44, 44, 55, 56],
            [read.Span[1], read.Span[100], read.Span[2], first.Span[500], read.Span[599], read.Span[700], first.Span[701]]);
        Assert.Equal(22, array[100]);
    }

    [Fact]
    public void A_lease_taken_on_an_untouched_page_sees_what_another_thread_writes_later()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(1024);
        using ReadLease<int> read = array.Read(0);
        var writer = new Thread(() => array[7] = 77);
        writer.Start();
        writer.Join();
        Assert.Equal(77, read.Span[7]);
    }

    [Fact]
    public void A_leased_page_stays_where_it_is_while_the_rest_is_paged()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(2048);
        array.Fill(0, 2048, 5);
        using (WriteLease<int> write = array.Write(0))
        using (ReadLease<int> read = array.Read(1024))
        {
            for (int round = 0; round < 3; round++)
            {
                for (long i = 0; i < working.Array.Length; i += working.Array.PageLength)
                    working.Array[i] = working.Array[i];
                Assert.Equal(-1, write.Span.IndexOfAnyExcept(5 + round));
                Assert.Equal(-1, read.Span.IndexOfAnyExcept(5));
                write.Span.Fill(6 + round);
            }
        }

        working.IsWhole();
        Assert.Equal([8, 8, 5, 5], [array[0], array[1023], array[1024], array[2047]]);
    }

    [Fact]
    public void What_is_written_last_through_a_lease_is_kept_however_the_page_was_read_before()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(1024 * 64);
        for (int round = 1; round < 5; round++)
        {
            for (long start = 0; start < array.Length; start += 1024)
            {
                using ReadLease<int> clean = array.Read(start);
                using WriteLease<int> write = array.Write(start + round, 3);
                write.Span.Fill(round);
            }
        }

        for (long start = 0; start < array.Length; start += 1024)
            Assert.Equal(
                [0, 1, 2, 3, 4, 4, 4, 0],
                [array[start], array[start + 1], array[start + 2], array[start + 3],
                array[start + 4], array[start + 5], array[start + 6], array[start + 7]]);
    }

    [Fact]
    public void Discarding_under_a_lease_zeroes_in_place()
    {
        using var working = new Working();
        using PagedArray<int> array = working.Pager.Allocate<int>(4096);
        array.Fill(0, 4096, 5);
        using ReadLease<int> read = array.Read(1024);
        using WriteLease<int> write = array.Write(2048);
        array.Discard(0, 4096);
        Assert.Equal(-1, read.Span.IndexOfAnyExcept(0));
        Assert.Equal(-1, write.Span.IndexOfAnyExcept(0));
        write.Span[0] = 9;
        Assert.Equal([0, 0, 9, 0], [array[0], array[1024], array[2048], array[4095]]);
    }

    [Fact]
    public void The_pins_gauge_counts_the_leases_that_are_out()
    {
        using var working = new Working();
        Assert.Equal(0, working.Pager.GetStatistics().Pins);
        using (working.Array.Read(0))
        {
            Assert.Equal(1, working.Pager.GetStatistics().Pins);
            using (working.Array.Write(1))
            using (working.Array.Read(5000))
            using (working.Array.Read(0, 0))    // an empty lease pins nothing
                Assert.Equal(3, working.Pager.GetStatistics().Pins);
            Assert.Equal(1, working.Pager.GetStatistics().Pins);
        }

        Assert.Equal(0, working.Pager.GetStatistics().Pins);
        working.IsWhole();
    }

    [Fact]
    public void A_page_can_be_leased_a_thousand_times_at_once()
    {
        using var working = new Working();
        Nest(1000);
        Assert.Equal(0, working.Pager.GetStatistics().Pins);
        working.IsWhole();

        void Nest(int depth)
        {
            using ReadLease<int> lease = working.Array.Read(10);
            if (depth > 1)
                Nest(depth - 1);
            else
                Assert.Equal(1000, working.Pager.GetStatistics().Pins);
        }
    }

#if DEBUG
    [Fact]
    public void A_copy_of_a_lease_disposed_again_is_caught_in_debug_builds()
    {
        using var working = new Working();
        ReadLease<int> lease = working.Array.Read(0);
        using (ReadLease<int> other = working.Array.Read(0))
        {
            ReadLease<int> copy = lease;
            lease.Dispose();
            bool caught = false;
            try
            {
                copy.Dispose();
            }
            catch (InvalidOperationException)
            {
                caught = true;
            }

            Assert.True(caught, "The copy was disposed after the lease.");
            Assert.Equal(1, working.Pager.GetStatistics().Pins);
        }

        working.IsWhole();
    }
#endif

    [Fact]
    public void A_lease_disposed_again_is_empty_and_leaves_anothers_pin_alone()
    {
        using var working = new Working();
        using (ReadLease<int> other = working.Array.Read(0))
        {
            int first = other.Span[0];
            using ReadLease<int> read = working.Array.Read(0);
            using WriteLease<int> write = working.Array.Write(0);
            for (int i = 0; i < 3; i++)
            {
                read.Dispose();
                write.Dispose();
                Assert.True(read.Span.IsEmpty);
                Assert.True(write.Span.IsEmpty);
                Assert.Equal(1, working.Pager.GetStatistics().Pins);
            }

            // Through all other pages: the frame would be given away if its pin were gone.
            working.IsWholeBut(pins: 1);
            Assert.Equal(first + 1, other.Span[0]);
            Assert.Throws<InvalidOperationException>(working.Array.Dispose);
        }

        working.IsWhole();
    }

    [Fact]
    public void A_lease_passed_on_by_reference_and_disposed_there_is_disposed_here()
    {
        using var working = new Working();
        using WriteLease<int> lease = working.Array.Write(5);
        End(in lease);
        Assert.True(lease.Span.IsEmpty);
        Assert.Equal(0, working.Pager.GetStatistics().Pins);
        working.IsWhole();

        static void End(in WriteLease<int> lease) => lease.Dispose();
    }

    [Fact]
    public void A_copy_of_a_lone_lease_disposed_again_is_caught_and_repaired()
    {
        using var working = new Working();
        WriteLease<int> lease = working.Array.Write(0);
        WriteLease<int> copy = lease;
        lease.Dispose();
        for (int i = 0; i < 2; i++)
        {
            bool caught = false;
            try
            {
                copy.Dispose();
            }
            catch (InvalidOperationException)
            {
                caught = true;
            }

            Assert.True(caught == (i == 0), "The copy's first end is the lease's second; then it is empty.");
        }

        working.IsWhole();
    }
}
