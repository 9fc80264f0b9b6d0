namespace Paging.Tests.Face;

/// <summary>Threads that are interrupted while they page: no call is cut short, nothing is lost, and the interrupt waits for the next
/// managed wait.</summary>
public sealed class InterruptTests
{
    private const int PageBytes = 16 << 10;
    private const int PageLength = PageBytes / sizeof(int);
    private const int Threads = 6;
    private const int Operations = 1500;
    private const int PagesOfEach = 8;

    // Neighbours share pages: a thread's elements begin in the middle of one.
    private const int Length = (PagesOfEach * PageLength) + 1000;

    [Fact]
    public void Interrupted_threads_finish_their_calls_and_lose_nothing()
    {
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 4 * PageBytes,
            PoolBytes = 2 << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 0,
        });
        using PagedArray<int> array = pager.Allocate<int>((long)Threads * Length);
        Worker[] workers = [.. Enumerable.Range(0, Threads).Select(i => new Worker(array, i))];
        Thread[] threads = [.. workers.Select(worker => new Thread(worker.Run) { IsBackground = true })];
        Array.ForEach(threads, thread => thread.Start());
        var random = new Random(1);
        while (threads.Any(thread => thread.IsAlive))
        {
            threads[random.Next(Threads)].Interrupt();
            Thread.Yield();
        }

        Assert.All(workers, worker => Assert.Null(worker.Error));
        Assert.All(workers, worker => worker.Check());
        Assert.Equal(0, pager.GetStatistics().Pins);
        AssertDisposesWithInterrupt(pager);
        Assert.Throws<ObjectDisposedException>(() => array[0]);
    }

    [Fact]
    public void Dispose_with_an_interrupt_pending_disposes_all_of_it()
    {
        var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 16 * PageBytes,
            PoolBytes = 4 << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 2,
            SwapFiles = [new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 4 << 20 }],
        });
        PagedArray<int> array = pager.Allocate<int>(64 * PageLength);
        array.Fill(0, array.Length, 5);
        AssertDisposesWithInterrupt(pager);
        Assert.Throws<ObjectDisposedException>(() => array[0]);
        Assert.Throws<ObjectDisposedException>(() => pager.GetStatistics());
    }

    [Fact]
    public void A_fault_with_an_interrupt_pending_is_served_and_the_interrupt_kept()
    {
        using var working = new Working();
        Thread.CurrentThread.Interrupt();
        working.IsWhole();
        Assert.True(Figures.TakeInterrupt());
        working.IsWhole();
    }

    private static void AssertDisposesWithInterrupt(Pager pager)
    {
        Thread.CurrentThread.Interrupt();
        pager.Dispose();
        Assert.True(Figures.TakeInterrupt());
        pager.Dispose();
    }

    /// <summary>Operates on elements of its own, and keeps a copy of what they must be.</summary>
    private sealed class Worker(PagedArray<int> array, int number)
    {
        private readonly int[] _model = new int[Length];
        private readonly int[] _buffer = new int[PageLength];
        private readonly long _start = (long)number * Length;
        private readonly Random _random = new(number);

        public Exception? Error { get; private set; }

        public void Run()
        {
            try
            {
                for (int i = 0; i < Operations; i++)
                    Operate(i);
            }
            catch (Exception e)
            {
                Error = e;
            }
        }

        public void Check()
        {
            var found = new int[Length];
            array.CopyTo(_start, found);
            Assert.Equal(_model, found);
        }

        private void Operate(int value)
        {
            // Within a page, so that what is refused has not been done in part.
            int at = _random.Next(Length);
            int count = Math.Min(_random.Next(1, 4000), Math.Min(Length - at, PageLength - (int)((_start + at) % PageLength)));
            int stamp = (number << 20) + value;
            try
            {
                switch (_random.Next(7))
                {
                    case 0:
                        array[_start + at] = stamp;
                        _model[at] = stamp;
                        break;

                    case 1:
                        Noise(_buffer.AsSpan(0, count));
                        array.CopyFrom(_start + at, _buffer.AsSpan(0, count));
                        _buffer.AsSpan(0, count).CopyTo(_model.AsSpan(at));
                        break;

                    case 2:
                        array.Fill(_start + at, count, stamp);
                        _model.AsSpan(at, count).Fill(stamp);
                        break;

                    case 3:
                        array.Discard(_start + at, count);
                        _model.AsSpan(at, count).Clear();
                        break;

                    case 4:
                        using (WriteLease<int> lease = array.Write(_start + at, count))
                        {
                            lease.Span[..count].Fill(stamp);
                            _model.AsSpan(at, count).Fill(stamp);
                        }

                        break;

                    case 5:
                        array.CopyTo(_start + at, _buffer.AsSpan(0, count));
                        Assert.True(_buffer.AsSpan(0, count).SequenceEqual(_model.AsSpan(at, count)));
                        break;

                    default:
                        using (ReadLease<int> lease = array.Read(_start + at, count))
                            Assert.True(lease.Span[..count].SequenceEqual(_model.AsSpan(at, count)));
                        break;
                }
            }
            catch (OutOfPagingSpaceException)
            {
                // Six threads may have more leases out than there are frames.
            }
        }

        private void Noise(Span<int> span)
        {
            foreach (ref int element in span)
                element = _random.Next();
        }
    }
}
