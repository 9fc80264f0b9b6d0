using System.Numerics;
using Paging.Interop;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>All frames of a pager: a <see cref="FrameClass"/> for each page size, and one budget of physical memory for all.</summary>
internal sealed unsafe class FramePool
{
    internal const int MinPageBytes = 4 << 10;
    internal const int MaxPageBytes = 4 << 20;
    internal const int MinPageShift = 12;

    /// <summary>With fewer frames nothing could be paged: one is pinned, one is kept clean, one is going out, one is coming in.</summary>
    internal const int MinFrames = 4;

    /// <summary>The largest budget: the offsets in page words must reach over the address space of all classes.</summary>
    internal const long MaxBudgetBytes = 256L << 30;

    /// <summary>Page sizes from the smallest to the largest.</summary>
    internal const int ClassCount = 11;

    /// <summary>For budgets below this, huge pages are too coarse a unit.</summary>
    private const long HugeBudget = 64L << 20;

    private readonly FrameClass?[] _classes = new FrameClass?[ClassCount];
    private readonly Reservation _memory;
    private readonly Reservation _records;
    private readonly Reservation _rings;
    private readonly long _classSpan;
    private readonly long _maxFrames;
    private long _committedBytes;
    private long _recordBytes;

    internal FramePool(long budgetBytes)
    {
        BudgetBytes = budgetBytes;
        GranuleBytes = budgetBytes >= HugeBudget
            ? Reservation.HugePageBytes
            : Math.Max(MinPageBytes, VirtualMemory.SystemPageBytes);

        // There can be a class for each size. Together they have fewer than twice as many frames as the one of the smallest pages.
        _maxFrames = 2 * (budgetBytes / MinPageBytes);
        _classSpan = (budgetBytes + Reservation.HugePageBytes - 1) / Reservation.HugePageBytes * Reservation.HugePageBytes;
        _memory = new Reservation(ClassCount * _classSpan, accessible: false);
        try
        {
            _records = new Reservation(_maxFrames * FrameRecord.Bytes, accessible: false);
        }
        catch
        {
            _memory.Release();
            throw;
        }

        try
        {
            // Each class rounds up to whole words. Untouched, they take no memory.
            _rings = new Reservation(Replacement.RingBytes(_maxFrames) + (ClassCount * Replacement.RingBytes(1)), accessible: true);
        }
        catch
        {
            _records.Release();
            _memory.Release();
            throw;
        }
    }

    internal long BudgetBytes { get; }

    /// <summary>The smallest amount that is committed at once: a huge page where the budget is large enough.</summary>
    internal int GranuleBytes { get; }

    /// <summary>Guards the budget and the granules of all classes. A thread inside neither evicts nor encodes nor waits.</summary>
    internal Gate Gate { get; } = new();

    internal long CommittedBytes => Volatile.Read(ref _committedBytes);

    internal long RemainingBytes => BudgetBytes - CommittedBytes;

    /// <summary>What the system refused when frames were last to get memory; 0 when it did not refuse.</summary>
    internal long RefusedBytes => Math.Max(_memory.RefusedBytes, _records.RefusedBytes);

    /// <summary>The class that memory is being collected for, granule by granule. The next frame that the budget pays for belongs to
    /// it.</summary>
    private FrameClass? _collector;

    /// <summary>What is left of the budget for a class: without what is being collected for another.</summary>
    internal long RemainingFor(FrameClass size)
    {
        FrameClass? collector = Volatile.Read(ref _collector);
        return RemainingBytes - (collector is null || collector == size ? 0 : collector.PageBytes);
    }

    /// <summary>Keeps the memory that becomes free for one class, until <see cref="EndCollecting"/>.</summary>
    /// <returns>False when memory is already being collected.</returns>
    internal bool TryBeginCollecting(FrameClass size) => Shared.CompareExchange(SharedWord.Counter, ref _collector, size, null) is null;

    internal void EndCollecting() => Shared.Write(SharedWord.Counter, ref _collector, null);

    /// <summary>Bytes of frame records in use.</summary>
    internal long RecordBytes => Volatile.Read(ref _recordBytes);

    internal ReadOnlySpan<FrameClass?> Classes => _classes;

    /// <summary>Bytes of frames that hold pages, or that threads have taken to put pages in.</summary>
    internal long UsedBytes
    {
        get
        {
            long used = 0;
            foreach (FrameClass? frames in _classes)
            {
                if (frames is not null)
                {
                    used += Math.Max(0, frames.Frames - frames.FreeFrames) << frames.PageShift;
                }
            }

            return used;
        }
    }

    /// <summary>Whether forecasts bound their work, as in every pager that is not measured.</summary>
    internal bool ForecastRests { get; init; } = true;

    /// <summary>Bytes that forecasts take.</summary>
    internal long ForecastBytes
    {
        get
        {
            long bytes = 0;
            foreach (FrameClass? frames in _classes)
            {
                bytes += frames?.Forecast.Bytes ?? 0;
            }

            return bytes;
        }
    }

    /// <summary>The share of the faults that frames larger by 25, 50 and 100% would save, of all page sizes together; NaN until enough is
    /// known.</summary>
    internal (double Plus25, double Plus50, double Plus100) FaultsSaved
    {
        get
        {
            (double, double, double) sum = default;
            double faults = 0;
            foreach (FrameClass? frames in _classes)
            {
                (double plus25, double plus50, double plus100) = frames?.Forecast.Saved ?? (double.NaN, double.NaN, double.NaN);
                if (!double.IsNaN(plus25 + plus50 + plus100))
                {
                    double weight = frames!.Replacement.Faults;
                    faults += weight;
                    sum = (sum.Item1 + (weight * plus25), sum.Item2 + (weight * plus50), sum.Item3 + (weight * plus100));
                }
            }

            return (sum.Item1 / faults, sum.Item2 / faults, sum.Item3 / faults);
        }
    }

    internal static bool IsPageSize(int bytes) => bytes is >= MinPageBytes and <= MaxPageBytes && BitOperations.IsPow2(bytes);

    /// <summary>Refuses a number that is no page size.</summary>
    internal static void CheckPageBytes(int pageBytes, string parameter)
    {
        if (!IsPageSize(pageBytes))
        {
            throw new ArgumentOutOfRangeException(
                parameter, pageBytes, $"PageBytes = {pageBytes:N0} is not a power of two from {MinPageBytes:N0} to {MaxPageBytes:N0}.");
        }
    }

    /// <summary>The class of a page size, made on first use.</summary>
    internal FrameClass Class(int pageBytes)
    {
        int index = BitOperations.Log2((uint)(pageBytes / MinPageBytes));
        if (Volatile.Read(ref _classes[index]) is { } known)
        {
            return known;
        }

        Gate.Enter();
        try
        {
            if (_classes[index] is null)
            {
                // The classes of smaller pages come first, each as long as the whole budget.
                long first = 0;
                byte* rings = _rings.Address;
                for (int smaller = 0; smaller < index; smaller++)
                {
                    long frames = BudgetBytes / (MinPageBytes << smaller);
                    first += frames;
                    rings += Replacement.RingBytes(frames);
                }

                Volatile.Write(ref _classes[index], new FrameClass(this, pageBytes, first, index * _classSpan, _memory, _records, rings));
            }

            return _classes[index]!;
        }
        finally
        {
            Gate.Exit();
        }
    }

    internal void ChargeUnsynchronized(long bytes) => Volatile.Write(ref _committedBytes, _committedBytes + bytes);

    /// <summary>Counts the records of frames that get memory for the first time; records are never given back.</summary>
    internal void CountRecordsUnsynchronized(long count) =>
        Volatile.Write(ref _recordBytes, _recordBytes + (count * FrameRecord.Bytes));

    internal void DecommitAll()
    {
        _memory.DecommitAll();
        _records.DecommitAll();
        _rings.DecommitAll();
    }

    internal void Release()
    {
        _memory.Release();
        _records.Release();
        _rings.Release();
    }
}
