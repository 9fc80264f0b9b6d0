namespace Paging;

/// <summary>One batch of a <see cref="BatchReader{T}"/>, used again and again. It belongs to one thread at a time: see
/// <see cref="BatchProducer{T}"/>.</summary>
internal sealed class Batch<T>
    where T : unmanaged
{
    private long[] _rows = [];

    /// <summary>Whether the reader may take it. Guarded by the producer's lock, as is where it begins.</summary>
    internal bool IsComplete { get; set; }

    /// <summary>The epoch of its rows.</summary>
    internal long Epoch { get; set; }

    /// <summary>Where it begins in that.</summary>
    internal long Position { get; set; }

    /// <summary>Rows that it holds.</summary>
    internal int Count { get; set; }

    /// <summary>Room for the elements of a whole batch, pinned, so that it can be handed to native code.</summary>
    internal T[] Elements { get; private set; } = [];

    /// <summary>Why there is none.</summary>
    internal Exception? Failure { get; set; }

    /// <summary>The numbers of its rows.</summary>
    internal ReadOnlySpan<long> Rows => _rows.AsSpan(0, Count);

    /// <summary>Whether the one behind it is next. A damaged page is still damaged when the batch is tried again; everything else that can
    /// fail may go well then.</summary>
    internal bool IsPassed => Failure is null or PageCorruptedException;

    /// <summary>Gets memory with the first use.</summary>
    /// <returns>Where the numbers of its <see cref="Count"/> rows go.</returns>
    internal Span<long> Prepare(int rows, int columns)
    {
        if (_rows.Length == 0)
        {
            Elements = GC.AllocateUninitializedArray<T>(rows * columns, pinned: true);
            _rows = new long[rows];
        }

        return _rows.AsSpan(0, Count);
    }
}
