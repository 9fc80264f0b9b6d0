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

    /// <summary>The budget can grow to so many times what it was at first, as far as <see cref="MaxBudgetBytes"/> and the system allow.
    /// Addresses cost nothing but addresses.</summary>
    internal const int MaxGrowth = 16;

    /// <summary>For budgets below this, huge pages are too coarse a unit.</summary>
    private const long HugeBudget = 64L << 20;

    private readonly FrameClass?[] _classes = new FrameClass?[ClassCount];
    private readonly Reservation _memory;
    private readonly Reservation _records;
    private readonly Reservation _tables;
    private readonly long _classSpan;
    private long _committedBytes;
    private long _budgetBytes;
    private long _limitBytes;
    private long _recordBytes;

    internal FramePool(long budgetBytes)
    {
        _budgetBytes = _limitBytes = budgetBytes;
        GranuleBytes = budgetBytes >= HugeBudget
            ? Reservation.HugePageBytes
            : Math.Max(MinPageBytes, VirtualMemory.SystemPageBytes);

        // Where addresses are short (ulimit -v), less than the most: room to grow must not keep a pager from being made.
        for (long most = Math.Min(MaxBudgetBytes, budgetBytes * MaxGrowth); ; most = Math.Max(budgetBytes, most / 2))
        {
            try
            {
                _classSpan = SpanOf(most);
                (_memory, _records, _tables) = Reserve(most, GranuleBytes);
                ReservedBytes = most;
                return;
            }
            catch (InsufficientMemoryException) when (most > budgetBytes)
            {
            }
        }
    }

    /// <summary>The budget: as many bytes may be committed, once the budget has come to hold.</summary>
    internal long BudgetBytes => Volatile.Read(ref _budgetBytes);

    /// <summary>What may be committed from now on. Less than the budget while that is about to shrink; then more may be committed than
    /// this.</summary>
    internal long LimitBytes => Volatile.Read(ref _limitBytes);

    /// <summary>The largest budget that there are addresses for.</summary>
    internal long ReservedBytes { get; }

    /// <summary>The smallest amount that is committed at once: a huge page where the budget is large enough.</summary>
    internal int GranuleBytes { get; }

    /// <summary>Guards the budget and the granules of all classes. A thread inside neither evicts nor encodes nor waits.</summary>
    internal Gate Gate { get; } = new();

    internal long CommittedBytes => Volatile.Read(ref _committedBytes);

    /// <summary>What may be committed yet. Negative while the budget shrinks.</summary>
    internal long RemainingBytes => LimitBytes - CommittedBytes;

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

        using Gate.Scope held = Gate.Enter();
        if (_classes[index] is null)
        {
            // The classes of smaller pages come first, each as long as the whole budget can become.
            long first = 0;
            byte* tables = _tables.Address;
            for (int smaller = 0; smaller < index; smaller++)
            {
                long frames = ReservedBytes / (MinPageBytes << smaller);
                first += frames;
                tables += FrameClass.TableBytes(frames, MinPageBytes << smaller, GranuleBytes);
            }

            var size = new FrameClass(this, pageBytes, first, index * _classSpan, _memory, _records, tables);
            Volatile.Write(ref _classes[index], size);
        }

        return _classes[index]!;
    }

    /// <summary>Signalled when the limit has changed, or no more is committed than it allows: for threads to which nothing that comes free
    /// is given before.</summary>
    internal EventCount Settled { get; } = new();

    /// <summary>Sets what may be committed from now on. One thread at a time changes the budget.</summary>
    internal void SetLimit(long bytes)
    {
        // A thread that is about to commit under the gate has looked at the old limit, and is through.
        using (Gate.Enter())
        {
            Volatile.Write(ref _limitBytes, bytes);
            foreach (FrameClass? size in _classes)
            {
                size?.NoteBudget();
            }
        }

        Settled.Signal();
    }

    /// <summary>Sets the budget, which is the limit too. No more is committed.</summary>
    internal void SetBudget(long bytes)
    {
        Volatile.Write(ref _budgetBytes, bytes);
        SetLimit(bytes);
    }

    internal void ChargeUnsynchronized(long bytes) => Volatile.Write(ref _committedBytes, _committedBytes + bytes);

    /// <summary>Counts the records of frames that get memory for the first time; records are never given back.</summary>
    internal void CountRecordsUnsynchronized(long count) =>
        Volatile.Write(ref _recordBytes, _recordBytes + (count * FrameRecord.Bytes));

    internal void DecommitAll()
    {
        _memory.DecommitAll();
        _records.DecommitAll();
        _tables.DecommitAll();
    }

    internal void Release()
    {
        _memory.Release();
        _records.Release();
        _tables.Release();
    }

    private static long SpanOf(long bytes) =>
        (bytes + Reservation.HugePageBytes - 1) / Reservation.HugePageBytes * Reservation.HugePageBytes;

    private static (Reservation Memory, Reservation Records, Reservation Tables) Reserve(long bytes, int granuleBytes)
    {
        var memory = new Reservation(ClassCount * SpanOf(bytes), accessible: false);
        Reservation? records = null;
        try
        {
            // There can be a class for each size. Together they have fewer than twice as many frames as the one of the smallest pages.
            records = new Reservation(2 * (bytes / MinPageBytes) * FrameRecord.Bytes, accessible: false);
            long tables = 0;
            for (int index = 0; index < ClassCount; index++)
            {
                int pageBytes = MinPageBytes << index;
                tables += FrameClass.TableBytes(Math.Max(1, bytes / pageBytes), pageBytes, granuleBytes);
            }

            // Untouched, they take no memory.
            return (memory, records, new Reservation(tables, accessible: true));
        }
        catch
        {
            records?.Release();
            memory.Release();
            throw;
        }
    }
}
