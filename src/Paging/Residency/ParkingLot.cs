using Paging.Diagnostics;

namespace Paging.Residency;

/// <summary>Where threads wait for somebody else's fault or eviction of a page to end: a short spin, then sleep.</summary>
/// <remarks>No wake-up is lost: the waiter sets the page's W bit and looks again under the bucket's lock; the owner of the claim
/// publishes first, sees W in what it replaced, and pulses under the same lock.</remarks>
internal sealed unsafe class ParkingLot
{
    private const int BucketCount = 64;
    private const int SpinRounds = 40;
    private readonly object[] _buckets = new object[BucketCount];

    internal ParkingLot()
    {
        for (int i = 0; i < BucketCount; i++)
        {
            _buckets[i] = new object();
        }
    }

    /// <summary>Returns when the claim on the page that was seen has ended; the page may be claimed anew by then.</summary>
    internal void Wait(ulong* page)
    {
        Spinner spinner = default;
        do
        {
            if (!PageWord.IsClaimed(PageWord.Load(page)))
            {
                return;
            }

            spinner.Once();
        }
        while (spinner.Count is > 0 and < SpinRounds);

        object bucket = Bucket(page);
        if (TestHook.Interleaver is { } interleaver)
        {
            if (PageWord.TrySetWaiters(page))
            {
                interleaver.Block(bucket);
            }

            return;
        }

        Uninterrupted(bucket, page, static (bucket, page) =>
        {
            if (PageWord.TrySetWaiters((ulong*)page))
            {
                Monitor.Wait(bucket);
            }
        });
    }

    internal void Wake(ulong* page)
    {
        object bucket = Bucket(page);
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Wake(bucket);
            return;
        }

        Uninterrupted(bucket, page, static (bucket, _) => Monitor.PulseAll(bucket));
    }

    /// <summary>Runs under the bucket's lock, however often the thread is interrupted: a wake-up must not be lost, nor a wait that
    /// Dispose depends on be cut short. The interrupt is kept for the caller's next wait.</summary>
    private static void Uninterrupted(object bucket, ulong* page, Action<object, nint> action)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                lock (bucket)
                {
                    action(bucket, (nint)page);
                }

                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }

    private object Bucket(ulong* page) => _buckets[(((ulong)page >> 3) * 0x9E3779B97F4A7C15) >> 58];
}
