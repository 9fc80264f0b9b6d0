using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Copies rows of a matrix in the order asked. Those in frames are copied at once and without a pin; the others are sorted by
/// their pages, and each page is brought in once (see <see cref="GatherOperation"/>).</summary>
/// <remarks>
/// Thread-safe. Allocates nothing once warmed up: what it sorts in comes from the shared pool of arrays, 12 bytes a row that is not in a
/// frame, for a million rows at most at a time; more of them are dealt with in turns.
///
/// A key is the page of a row, which has 33 bits at most (2⁴⁵ bytes of 2¹² each), above its place in the order asked, which has 31.
/// </remarks>
internal sealed unsafe class RowGatherer
{
    /// <summary>Rows that are sorted at a time.</summary>
    private const int MaxKeys = 1 << 20;

    private const int PlaceBits = 31;

    /// <summary>Bytes of pages for which it is worth waking another thread, when they are in memory.</summary>
    private const int MinSharedBytes = 64 << 10;

    /// <summary>With fewer frames than this, threads would take them from one another.</summary>
    private const int MinSharedFrames = 8;

    /// <summary>How many rows ahead the word of a row's page is fetched into the cache, and the beginning of the row itself.</summary>
    private const int WordsAhead = 8;
    private const int RowsAhead = 3;

    /// <summary>Operations that are kept for the next time. More threads than this at once make new ones.</summary>
    private const int KeptOperations = 4;

    private readonly PagedRegion _region;
    private readonly ulong* _words;
    private readonly byte* _frames;
    private readonly Divider _divider;
    private readonly long _rowCount;
    private readonly int _rowsPerPage;
    private readonly int _rowBytes;

    /// <summary>Taken out and put back by exchange, by any thread.</summary>
    private readonly GatherOperation?[] _kept = new GatherOperation?[KeptOperations];

    internal RowGatherer(PagedRegion region, Divider divider, long rows, int rowsPerPage, int rowBytes)
    {
        _region = region;
        _words = region.Words;
        _frames = region.Frames.Base;
        _divider = divider;
        _rowCount = rows;
        _rowsPerPage = rowsPerPage;
        _rowBytes = rowBytes;
    }

    internal static long PageOf(ulong key) => (long)(key >> PlaceBits);

    /// <summary>Copies rows.</summary>
    /// <param name="rows">Which; memory of the program's, that does not move.</param>
    /// <param name="count">How many.</param>
    /// <param name="destination">Room for all of them, that does not move.</param>
    internal void Gather(long* rows, int count, byte* destination)
    {
        ulong[]? keys = null;
        int missing = 0;
        try
        {
            byte* target = destination;
            for (int i = 0; i < count; i++, target += _rowBytes)
            {
                // Read once: the program may change it meanwhile.
                long row = Volatile.Read(ref rows[i]);
                if ((ulong)row >= (ulong)_rowCount)
                {
                    ThrowHelper.ThrowGatheredRow(i, row, _rowCount);
                }

                PrefetchFrom(rows, i, count);
                (long page, int within) = _divider.Divide(row);
                long offset = (long)within * _rowBytes;
                ulong* word = _words + page;
                ulong seen = PageWord.Load(word);

                // As the indexer's getter: what was copied while the page went is copied again.
                if (PageWord.IsHot(seen))
                {
                    TestHook.Reach(SharedWord.PageData);
                    Unsafe.CopyBlockUnaligned(target, _frames + PageWord.Offset(seen) + offset, (uint)_rowBytes);
                    if (PageWord.IsUnchanged(word, seen))
                    {
                        continue;
                    }
                }

                if (TryCopy(page, offset, target))
                {
                    continue;
                }

                keys ??= ArrayPool<ulong>.Shared.Rent(Math.Min(count - i, MaxKeys));
                keys[missing] = ((ulong)page << PlaceBits) | (uint)i;
                missing++;
                if (missing == MaxKeys)
                {
                    Fetch(keys, missing, rows, destination);
                    missing = 0;
                }
            }

            if (missing != 0)
            {
                Fetch(keys!, missing, rows, destination);
            }
        }
        finally
        {
            if (keys is not null)
            {
                ArrayPool<ulong>.Shared.Return(keys);
            }
        }
    }

    /// <summary>Copies the rows of one page.</summary>
    /// <param name="keys">Their keys.</param>
    /// <param name="page">The page.</param>
    /// <param name="data">Where it is.</param>
    /// <param name="rows">All rows that are asked for.</param>
    /// <param name="destination">Where those go.</param>
    internal void CopyRows(ReadOnlySpan<ulong> keys, long page, byte* data, long* rows, byte* destination)
    {
        foreach (ulong key in keys)
        {
            long place = PlaceOf(key);
            long row = Volatile.Read(ref rows[place]);
            ulong within = (ulong)(row - (page * _rowsPerPage));

            // The program may have changed it since it was looked at.
            if (within >= (ulong)_rowsPerPage || row >= _rowCount)
            {
                ThrowHelper.ThrowGatheredRow((int)place, row, _rowCount);
            }

            Unsafe.CopyBlockUnaligned(destination + (place * _rowBytes), data + ((long)within * _rowBytes), (uint)_rowBytes);
        }
    }

    /// <summary>Zeroes what rows of an untouched page go to.</summary>
    internal void ClearRows(ReadOnlySpan<ulong> keys, byte* destination)
    {
        foreach (ulong key in keys)
        {
            Unsafe.InitBlockUnaligned(destination + (PlaceOf(key) * _rowBytes), 0, (uint)_rowBytes);
        }
    }

    /// <summary>Rows in random order miss the cache twice each, for the word and then for the row: here two misses overlap with
    /// copying.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PrefetchFrom(long* rows, int place, int count)
    {
        if (!Sse.IsSupported || place >= count - WordsAhead)
        {
            return;
        }

        // An address that means nothing does no harm to a prefetch; a load must not go there.
        Sse.Prefetch0(_words + _divider.Divide(rows[place + WordsAhead]).Quotient);
        long row = Volatile.Read(ref rows[place + RowsAhead]);
        if ((ulong)row < (ulong)_rowCount)
        {
            (long page, int within) = _divider.Divide(row);
            byte* data = _frames + PageWord.Offset(_words[page]) + ((long)within * _rowBytes);
            Sse.Prefetch0(data);
            Sse.Prefetch0(data + 64);
        }
    }

    private static long PlaceOf(ulong key) => (long)(key & ((1UL << PlaceBits) - 1));

    /// <summary>Copies a row whose page is cold, has its word in a node, or is untouched.</summary>
    /// <returns>False when the page is not in a frame, or has just gone.</returns>
    private bool TryCopy(long page, long offset, byte* target)
    {
        ulong* word = _region.Find(page);
        ulong seen = PageWord.Load(word);
        if (PageWord.IsResident(seen) && _region.IsOf(page, word))
        {
            TestHook.Reach(SharedWord.PageData);
            Unsafe.CopyBlockUnaligned(target, _frames + PageWord.Offset(seen) + offset, (uint)_rowBytes);
            if (PageWord.IsSamePage(word, seen))
            {
                if ((seen & PageWord.Referenced) == 0)
                {
                    PageWord.Reference(word, seen);
                }

                return true;
            }
        }

        if (_region.IsZeroes(page, word))
        {
            Unsafe.InitBlockUnaligned(target, 0, (uint)_rowBytes);
            return true;
        }

        return false;
    }

    /// <summary>Copies rows whose pages are not in frames.</summary>
    private void Fetch(ulong[] keys, int count, long* rows, byte* destination)
    {
        keys.AsSpan(0, count).Sort();
        int[] starts = ArrayPool<int>.Shared.Rent(count + 1);
        GatherOperation operation = Take();
        try
        {
            int runs = 0;
            for (int i = 0; i < count; i++)
            {
                if (i == 0 || PageOf(keys[i]) != PageOf(keys[i - 1]))
                {
                    starts[runs] = i;
                    runs++;
                }
            }

            starts[runs] = count;
            operation.Prepare(keys, starts, runs, rows, destination);
            if (IsWorthSharing(runs))
            {
                operation.Share();
            }

            operation.Finish(runs);
        }
        finally
        {
            operation.Clear();
            Keep(operation);
            ArrayPool<int>.Shared.Return(starts);
        }
    }

    /// <summary>Whether others are asked to help. A page that may be in a file is always worth it.</summary>
    private bool IsWorthSharing(int runs) =>
        runs > 1
        && _region.Frames.MaxFrames >= MinSharedFrames
        && (_region.MayBeInFiles || (long)runs << _region.Frames.PageShift >= MinSharedBytes);

    private GatherOperation Take()
    {
        foreach (ref GatherOperation? kept in _kept.AsSpan())
        {
            if (Shared.Exchange(SharedWord.Operation, ref kept, null) is { } operation)
            {
                return operation;
            }
        }

        TestHook.MayFail(FailurePoint.Allocation);
        return new GatherOperation(this, _region);
    }

    private void Keep(GatherOperation operation)
    {
        foreach (ref GatherOperation? kept in _kept.AsSpan())
        {
            if (Shared.CompareExchange(SharedWord.Operation, ref kept, operation, null) is null)
            {
                return;
            }
        }
    }
}
