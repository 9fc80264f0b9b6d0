namespace Paging.Tests.Face;

public class DisposeTests
{
    [Fact]
    public void A_disposed_array_refuses_everything_and_others_go_on()
    {
        using var working = new Working();
        PagedArray<int> array = working.Pager.Allocate<int>(5000);
        array.Fill(0, 5000, 3);
        array.Dispose();
        RefusesEverything(array);
        array.Dispose();
        working.IsWhole();
    }

    [Fact]
    public void A_disposed_matrix_refuses_everything_and_others_go_on()
    {
        using var working = new Working();
        PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(50, 100);
        matrix[49, 99] = 3;
        matrix.Dispose();
        RefusesEverything(matrix);
        matrix.Dispose();
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_disposed_pager_refuses_everything_through_its_arrays_too(int backgroundThreads)
    {
        var working = new Working(backgroundThreads);
        Pager pager = working.Pager;
        PagedMatrix<int> matrix = pager.AllocateMatrix<int>(50, 100);
        SwapId id = pager.Swap.Store([1, 2, 3]);
        var buffer = new byte[3];
        pager.Dispose();

        RefusesEverything(working.Array);
        RefusesEverything(matrix);
        Refuses(() => pager.Allocate<int>(10));
        Refuses(() => pager.AllocateMatrix<int>(10, 10));
        Refuses(() => pager.From<int>([1, 2, 3]));
        Refuses(() => pager.Swap.Store([1, 2, 3]));
        Refuses(() => pager.Swap.Load(id, buffer));
        Refuses(() => pager.Swap.TryLoad(id, buffer, out _));
        Refuses(() => pager.Swap.GetLength(id));
        Refuses(() => pager.Swap.AddReference(id));
        Refuses(() => pager.Swap.Free(id));

        pager.Dispose();
        working.Array.Dispose();
        matrix.Dispose();
        working.Array.Dispose();
    }

    [Fact]
    public async Task A_pager_can_be_disposed_asynchronously_and_twice()
    {
        var working = new Working(backgroundThreads: 1);
        await working.Pager.DisposeAsync();
        await working.Pager.DisposeAsync();
        working.Pager.Dispose();
        RefusesEverything(working.Array);
    }

    [Fact]
    public void An_array_with_leases_out_is_not_disposed_and_the_message_says_how_many()
    {
        using var working = new Working();
        PagedArray<int> array = working.Pager.Allocate<int>(5000);
        array.Fill(0, 5000, 3);
        using (ReadLease<int> first = array.Read(0))
        using (WriteLease<int> second = array.Write(10))
        using (ReadLease<int> third = array.Read(4999))
        {
            var e = Assert.Throws<InvalidOperationException>(array.Dispose);
            Expect.Figure(3, e.Message);
            second.Span[0] = 4;
            Assert.Equal(4, first.Span[10]);
            Assert.Equal(3, third.Span[0]);
            array[4000] = 5;
            working.IsWholeBut(3);
        }

        Assert.Equal([3, 4, 5, 3], [array[0], array[10], array[4000], array[4999]]);
        array.Dispose();
        RefusesEverything(array);
        working.IsWhole();
    }

    [Fact]
    public void A_matrix_with_leases_out_is_not_disposed_and_the_message_says_how_many()
    {
        using var working = new Working();
        PagedMatrix<int> matrix = working.Pager.AllocateMatrix<int>(50, 100);
        using (ReadLease<int> first = matrix.ReadRow(0))
        using (WriteLease<int> second = matrix.WriteRow(49))
        {
            var e = Assert.Throws<InvalidOperationException>(matrix.Dispose);
            Expect.Figure(2, e.Message);
            second.Span[99] = 4;
            Assert.Equal(0, first.Span[0]);
        }

        Assert.Equal(4, matrix[49, 99]);
        matrix.Dispose();
        RefusesEverything(matrix);
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public async Task A_pager_with_leases_out_is_not_disposed_and_the_message_says_how_many(int backgroundThreads)
    {
        var working = new Working(backgroundThreads);
        WithLeasesOut();
        working.IsWhole();
        await working.Pager.DisposeAsync();
        RefusesEverything(working.Array);

        void WithLeasesOut()
        {
            using ReadLease<int> first = working.Array.Read(0);
            using ReadLease<int> second = working.Array.Read(0);
            using WriteLease<int> third = working.Array.Write(2048);
            int before = third.Span[0];
            Expect.Figure(3, Assert.Throws<InvalidOperationException>(working.Pager.Dispose).Message);
            Expect.Figure(3, Assert.Throws<InvalidOperationException>(() => working.Pager.DisposeAsync().AsTask().GetAwaiter().GetResult()).Message);
            Assert.Equal(before, third.Span[0]);
            working.IsWholeBut(3);
        }
    }

    [Fact]
    public void Leases_of_one_array_do_not_keep_another_from_being_disposed()
    {
        using var working = new Working();
        PagedArray<int> array = working.Pager.Allocate<int>(5000);
        array[0] = 1;
        using (working.Array.Read(0))
            array.Dispose();
        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Readers_of_an_array_that_is_disposed_meanwhile_read_right_or_are_told(int backgroundThreads)
    {
        using var working = new Working(backgroundThreads);
        for (int round = 0; round < 20; round++)
        {
            PagedArray<long> array = working.Pager.Allocate<long>(20_000);
            for (long i = 0; i < array.Length; i += 100)
                array[i] = i + round;
            string? wrong = null;
            int started = 0, salt = round;
            Thread[] readers = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
            {
                Interlocked.Increment(ref started);
                try
                {
                    for (long i = 0; ; i = (i + 700) % array.Length)
                    {
                        long seen = array[i];
                        if (seen != i + salt)
                            wrong = $"element {i} was {seen}, not {i + salt}";
                    }
                }
                catch (ObjectDisposedException)
                {
                    // As documented.
                }
                catch (Exception e)
                {
                    wrong = e.ToString();
                }
            }))];
            foreach (Thread reader in readers)
                reader.Start();
            SpinWait.SpinUntil(() => Volatile.Read(ref started) == readers.Length);
            array.Dispose();
            foreach (Thread reader in readers)
                Assert.True(reader.Join(TimeSpan.FromMinutes(2)), "A reader hangs.");
            Assert.Null(wrong);
        }

        working.IsWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Accesses_under_way_are_no_leases_that_keep_anything_from_being_disposed(int backgroundThreads)
    {
        for (int round = 0; round < 60; round++)
        {
            var working = new Working(backgroundThreads);
            PagedArray<long> array = working.Pager.Allocate<long>(20_000);
            int started = 0;
            bool isOver = false;
            var ends = new Exception?[4];
            Thread[] threads = [.. Enumerable.Range(0, ends.Length).Select(t => new Thread(() =>
            {
                Interlocked.Increment(ref started);
                ends[t] = Record.Exception(() => GoOn(array, t, (t + round) % 4, ref isOver));
            }))];
            foreach (Thread thread in threads)
                thread.Start();
            SpinWait.SpinUntil(() => Volatile.Read(ref started) == threads.Length);
            Action dispose = round % 2 == 0 ? array.Dispose : working.Pager.Dispose;
            Exception? wrong = Record.Exception(dispose);
            Volatile.Write(ref isOver, wrong is not null);
            foreach (Thread thread in threads)
                Assert.True(thread.Join(TimeSpan.FromMinutes(2)), "A thread hangs.");
            Assert.Null(wrong);
            Assert.All(ends, static end => Assert.IsType<ObjectDisposedException>(end));
            working.Pager.Dispose();
        }

        static void GoOn(PagedArray<long> array, long from, int how, ref bool isOver)
        {
            long[] buffer = new long[3000];
            for (long i = from; !Volatile.Read(ref isOver); i = (i + 701) % 17_000)
            {
                switch (how)
                {
                    case 0:
                        array[i] = i;
                        break;
                    case 1:
                        array.CopyTo(i, buffer);
                        break;
                    case 2:
                        array.CopyFrom(i, buffer);
                        break;
                    default:
                        array.Fill(i, buffer.Length, i);
                        break;
                }
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Arrays_matrices_and_pagers_are_disposed_once_by_however_many_threads(int backgroundThreads)
    {
        for (int round = 0; round < 20; round++)
        {
            var working = new Working(backgroundThreads);
            Pager pager = working.Pager;
            PagedArray<int> array = pager.Allocate<int>(50_000);
            array.Fill(0, array.Length, round);
            PagedMatrix<int> matrix = pager.AllocateMatrix<int>(50, 100);
            matrix[49, 99] = 3;
            AllAtOnce(array.Dispose, array.Dispose, matrix.Dispose, matrix.Dispose);
            working.IsWhole();
            AllAtOnce(
                pager.Dispose,
                working.Array.Dispose,
                () => pager.DisposeAsync().AsTask().GetAwaiter().GetResult(),
                array.Dispose,
                working.Array.Dispose);
            RefusesEverything(working.Array);
            RefusesEverything(array);
            RefusesEverything(matrix);
        }

        static void AllAtOnce(params Action[] disposals)
        {
            using var together = new Barrier(disposals.Length);
            var wrong = new Exception?[disposals.Length];
            Thread[] threads = [.. disposals.Select((dispose, i) => new Thread(() =>
            {
                together.SignalAndWait();
                wrong[i] = Record.Exception(dispose);
            }))];
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                Assert.True(thread.Join(TimeSpan.FromMinutes(2)), "A disposal hangs.");
            Assert.All(wrong, Assert.Null);
        }
    }

    private static void Refuses(Action action) => Assert.Throws<ObjectDisposedException>(action);

    private static void RefusesEverything(PagedArray<int> array)
    {
        var buffer = new int[10];
        Refuses(() => { _ = array[0]; });
        Refuses(() => array[0] = 1);
        Refuses(() => { _ = array.Read(0); });
        Refuses(() => { _ = array.Write(0); });
        Refuses(() => { _ = array.Read(0, 1); });
        Refuses(() => { _ = array.Write(0, 1); });
        Refuses(() => array.CopyTo(0, buffer));
        Refuses(() => array.CopyFrom(0, buffer));
        Refuses(() => array.Fill(0, 10, 1));
        Refuses(() => array.Discard(0, 10));
    }

    private static void RefusesEverything(PagedMatrix<int> matrix)
    {
        Refuses(() => { _ = matrix[0, 0]; });
        Refuses(() => matrix[0, 0] = 1);
        Refuses(() => { _ = matrix.ReadRow(0); });
        Refuses(() => { _ = matrix.WriteRow(0); });
    }
}
