using System.Numerics;
using Paging.Interop;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Memory;

/// <summary>All frames of a pager: one <see cref="FrameClass"/> a page size, one budget of physical bytes for all.</summary>
internal sealed unsafe class FramePool
{
    internal const int MinPageBytes = 4 << 10;
    internal const int MaxPageBytes = 4 << 20;
    internal const int MinPageShift = 12;

    /// <summary>Fewer would leave nothing to page with: one page pinned, one kept clean, one going out, one coming in.</summary>
    internal const int MinFrames = 4;

    /// <summary>The largest budget: the offsets in page words reach over the address space of all classes.</summary>
    internal const long MaxBudgetBytes = 256L << 30;

    internal const int ClassCount = 11;

    /// <summary>Below this budget huge pages are too coarse to count by.</summary>
    private const long HugeBudget = 64L << 20;

    private readonly FrameClass?[] _classes = new FrameClass?[ClassCount];
    private readonly Reservation _memory;
    private readonly Reservation _records;
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

        // A class for each size down to 4 KiB: together fewer than twice the frames of the smallest.
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
    }

    internal long BudgetBytes { get; }

    /// <summary>The least that is committed at once: a huge page where the budget is large enough.</summary>
    internal int GranuleBytes { get; }

    /// <summary>Guards the budget and the granules of all classes. Nothing is evicted, encoded or waited for under it.</summary>
    internal Gate Gate { get; } = new();

    internal long CommittedBytes => Volatile.Read(ref _committedBytes);

    internal long RemainingBytes => BudgetBytes - CommittedBytes;

    /// <summary>What the system refused when frames were to get memory last; 0 when it did not.</summary>
    internal long RefusedBytes => Math.Max(_memory.RefusedBytes, _records.RefusedBytes);

    /// <summary>The class that memory is being collected for, granule by granule: the next frame that the budget buys is its.</summary>
    private FrameClass? _collector;

    /// <summary>What the budget would still buy a class, less what is being collected for another.</summary>
    internal long RemainingFor(FrameClass size)
    {
        FrameClass? collector = Volatile.Read(ref _collector);
        return RemainingBytes - (collector is null || collector == size ? 0 : collector.PageBytes);
    }

    /// <summary>Keeps what comes free for one class until <see cref="EndCollecting"/>. False when that is being done already.</summary>
    internal bool TryBeginCollecting(FrameClass size) => Shared.CompareExchange(SharedWord.Counter, ref _collector, size, null) is null;

    internal void EndCollecting() => Shared.Write(SharedWord.Counter, ref _collector, null);

    /// <summary>Bytes of frame records in use.</summary>
    internal long RecordBytes => Volatile.Read(ref _recordBytes);

    internal ReadOnlySpan<FrameClass?> Classes => _classes;

    /// <summary>Bytes of frames that hold pages, or are in a thread's hands on the way to.</summary>
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

    internal static bool IsPageSize(int bytes) => bytes is >= MinPageBytes and <= MaxPageBytes && BitOperations.IsPow2(bytes);

    /// <summary>Refuses what is no page size.</summary>
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
                for (int smaller = 0; smaller < index; smaller++)
                {
                    first += BudgetBytes / (MinPageBytes << smaller);
                }

                Volatile.Write(ref _classes[index], new FrameClass(this, pageBytes, first, index * _classSpan, _memory, _records));
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
    }

    internal void Release()
    {
        _memory.Release();
        _records.Release();
    }
}
