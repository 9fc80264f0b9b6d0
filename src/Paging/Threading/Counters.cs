using System.Numerics;
using System.Runtime.CompilerServices;

namespace Paging.Threading;

internal enum Counter
{
    FaultsFromPool,
    FaultsOfZeroes,
    Evictions,
    CleanEvictions,
    LogicalBytes,
    SameFilledPages,
    IncompressiblePages,
    CorruptedPages,
    FaultsFromFile,
    FilePages,
    FileLiveBytes,
    Writebacks,
    BytesWritten,
    BytesRead,
    IoErrors,
    RecompressedPages,
    PrefetchedPages,
    PrefetchWasted,
    DirectReclaims,
}

/// <summary>Sums that many threads add to. Each sum is kept in several stripes, two pairs of cache lines each, and read by adding them
/// up.</summary>
internal sealed class Counters
{
    /// <summary>Room for every <see cref="Counter"/>.</summary>
    private const int StripeLength = 32;
    private readonly long[] _values;
    private readonly uint _mask;

    internal Counters(int processors)
    {
        uint stripes = BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(8 * processors, 16, 128));
        _mask = stripes - 1;
        // A stripe of padding in front keeps the first one away from the array's own header.
        _values = new long[(stripes + 1) * StripeLength];
    }

    internal long this[Counter counter]
    {
        get
        {
            long sum = 0;
            for (int i = StripeLength + (int)counter; i < _values.Length; i += StripeLength)
            {
                sum += Volatile.Read(ref _values[i]);
            }

            return sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(Counter counter, long value = 1)
    {
        // By thread: finding its number is a load, finding the processor is a call. Threads may share a stripe, so the addition is atomic.
        uint stripe = ((uint)Environment.CurrentManagedThreadId & _mask) + 1;
        Interlocked.Add(ref _values[(stripe * StripeLength) + (int)counter], value);
    }
}
