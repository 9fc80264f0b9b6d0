using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Where threads wait for another thread's fault or eviction of a page to end: a short spin, then sleep.</summary>
/// <remarks>No wake-up is lost: the waiter sets the page's W bit and looks again under the bucket's lock; the owner of the claim
/// publishes first, sees W in what it replaced, and pulses under the same lock. An interrupt does not cut the sleep short: a wait that
/// Dispose depends on must not end early, and no wake-up may be lost on a thread that has left.</remarks>
internal sealed unsafe class ParkingLot
{
    private const int BucketCount = 64;
    private const int SpinRounds = 40;
    private readonly Condition[] _buckets = new Condition[BucketCount];

    internal ParkingLot()
    {
        for (int i = 0; i < BucketCount; i++)
        {
            _buckets[i] = new Condition();
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

        Condition bucket = Bucket(page);
        if (TestHook.Interleaver is { } interleaver)
        {
            if (PageWord.TrySetWaiters(page))
            {
                interleaver.Block(bucket);
            }

            return;
        }

        bool interrupted = false;
        bucket.Enter(ref interrupted);
        while (PageWord.TrySetWaiters(page))
        {
            bucket.Wait(ref interrupted);
        }

        bucket.Exit(interrupted);
    }

    internal void Wake(ulong* page)
    {
        Condition bucket = Bucket(page);
        if (TestHook.Interleaver is { } interleaver)
        {
            interleaver.Wake(bucket);
            return;
        }

        bool interrupted = false;
        bucket.Enter(ref interrupted);
        bucket.PulseAll();
        bucket.Exit(interrupted);
    }

    private Condition Bucket(ulong* page) => _buckets[(((ulong)page >> 3) * 0x9E3779B97F4A7C15) >> 58];
}
