using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Paging.Diagnostics;
using Paging.Interop;
using Paging.Memory;
using Paging.Swap;

namespace Paging.Residency;

/// <summary>The exceptions of the public face, with the figures and with what to do.</summary>
internal static class ThrowHelper
{
    /// <summary>As it is called by programs.</summary>
    private const string PagerName = "Paging.Pager";

    [DoesNotReturn]
    internal static void ThrowPagerDisposed() => throw new ObjectDisposedException(PagerName);

    [DoesNotReturn]
    internal static void ThrowIndex(long index, long length) =>
        throw new ArgumentOutOfRangeException(nameof(index), index, $"The index must be at least 0 and less than the length, {length:N0}.");

    [DoesNotReturn]
    internal static void ThrowRange(long start, long count, long length) =>
        throw new ArgumentOutOfRangeException(
            nameof(start), start, $"A range of {count:N0} from {start:N0} does not lie within the {length:N0} elements of the array.");

    [DoesNotReturn]
    internal static void ThrowRow(long row, long rows) =>
        throw new ArgumentOutOfRangeException(nameof(row), row, $"Row {row:N0} is not in the matrix, whose rows are 0 to {rows - 1:N0}.");

    [DoesNotReturn]
    internal static void ThrowColumn(int column, int columns) =>
        throw new ArgumentOutOfRangeException(
            nameof(column), column, $"Column {column:N0} is not in the matrix, whose columns are 0 to {columns - 1:N0}.");

    /// <summary>For a range of rows: names the start when that is wrong by itself, else the count.</summary>
    [DoesNotReturn]
    internal static void ThrowRows(long startRow, long rows, long total)
    {
        if (startRow < 0 || startRow > total)
        {
            throw new ArgumentOutOfRangeException(
                nameof(startRow),
                startRow,
                $"A range of rows cannot start at row {startRow:N0}: in a matrix of {total:N0} rows it starts at 0 to {total:N0}.");
        }

        throw new ArgumentOutOfRangeException(
            nameof(rows),
            rows,
            $"A range from row {startRow:N0} cannot have {rows:N0} rows: in a matrix of {total:N0} rows it has 0 to " +
            $"{total - startRow:N0}.");
    }

    /// <summary>For rows that a span holds: names the start, since the span does not say where it goes.</summary>
    [DoesNotReturn]
    internal static void ThrowSpanOfRows(long startRow, int rows, long total) =>
        throw new ArgumentOutOfRangeException(
            nameof(startRow),
            startRow,
            rows > total
                ? $"A span of {rows:N0} rows does not fit a matrix of {total:N0} rows, from row {startRow:N0} or any other."
                : $"A span of {rows:N0} rows cannot start at row {startRow:N0}: in a matrix of {total:N0} rows it starts at 0 to " +
                    $"{total - rows:N0}.");

    [DoesNotReturn]
    internal static void ThrowPartialRow(int length, int columns, string parameter) =>
        throw new ArgumentException(
            $"A span of {length:N0} elements does not hold whole rows of {columns:N0}: its length must be a multiple of {columns:N0}.",
            parameter);

    /// <summary>For one of several rows.</summary>
    [DoesNotReturn]
    internal static void ThrowGatheredRow(int index, long row, long total, string parameter = "rows") =>
        throw new ArgumentOutOfRangeException(
            parameter, row, $"{parameter}[{index}] is {row:N0}, which is not in the matrix, whose rows are 0 to {total - 1:N0}.");

    [DoesNotReturn]
    internal static void ThrowGatherOverlaps(string paramName) =>
        throw new ArgumentException(
            "The destination overlaps the numbers of the rows, which would be written over before they are read. Give it memory of its own.",
            paramName);

    [DoesNotReturn]
    internal static void ThrowGatherTooShort(int rows, int columns, int length, string parameter) =>
        throw new ArgumentException(
            $"{rows:N0} rows of {columns:N0} elements are {(long)rows * columns:N0} elements, and the destination has {length:N0}.",
            parameter);

    [DoesNotReturn]
    internal static void ThrowCrossesPage(long start, int count, int pageLength) =>
        throw new ArgumentException(
            $"The {count:N0} elements from {start:N0} cross a page of {pageLength:N0} elements, and a span cannot. Use ReadSequence for " +
            "a sequence over the pages, or CopyTo and CopyFrom to copy.");

    [DoesNotReturn]
    internal static void ThrowOutOfSpace(PagingDomain domain, PagedRegion region, bool write, in Shortage shortage)
    {
        PagerStatistics statistics = Snapshot(domain, out long live);
        FrameClass size = region.Frames;
        string action = write ? "write to" : "read";
        string figures =
            $"{size.Frames:N0} frames of {size.PageBytes:N0} bytes ({size.DirtyFrames:N0} dirty), " +
            $"{OtherFrames(domain, size)}{statistics.Pins:N0} leases out in all, of ResidentBytes = {domain.Frames.BudgetBytes:N0}; " +
            $"{live:N0} bytes live in {statistics.PoolBytes:N0} of PoolBytes = " +
            $"{domain.Swap.Budget.Bytes:N0}{FileFigures(domain)}{domain.Dropped.Describe()}";
        Exception? refusal = Refusal(domain.Frames.RefusedBytes, "memory for frames");
        bool isPinned = shortage.Pinned + shortage.OthersPinned != 0;
        NoteRefused(domain, statistics, shortage.IsPoolFull, isPinned);
        throw new OutOfPagingSpaceException(
            $"No room to {action} a page of {region.Describe()}: {Cause(size, shortage, refusal)}. {figures}. Nothing is lost."
                + (isPinned ? WhereTaken(domain, region: null) : string.Empty),
            refusal ?? (shortage.IsPoolFull ? PoolFailure(domain) : null))
        {
            Statistics = statistics,
        };
    }

    /// <param name="domain">The pager.</param>
    /// <param name="region">The array; null for the whole pager.</param>
    /// <param name="what">Whose leases are out.</param>
    /// <param name="pins">How many.</param>
    [DoesNotReturn]
    internal static void ThrowLeasesOut(PagingDomain domain, PagedRegion? region, string what, long pins) =>
        throw new InvalidOperationException(
            $"{what} has {pins:N0} leases out. Dispose them first; nothing has been changed.{WhereTaken(domain, region)}");

    /// <summary>Says which leases are out, if that is recorded.</summary>
    private static string WhereTaken(PagingDomain domain, PagedRegion? region) => domain.Tracker is { } tracker
        ? tracker.Describe(region)
        : " With PagerOptions.TrackLeases this says where they were taken.";

    [DoesNotReturn]
    internal static void ThrowTooManyPages(PagingDomain domain, PagedRegion region, long pages) =>
        throw new OutOfPagingSpaceException(
            $"No room to pin {pages:N0} pages of {region.Describe()} at once: ResidentBytes = " +
            $"{domain.Frames.BudgetBytes:N0} pays for {region.Frames.MaxFrames:N0} frames of " +
            $"{region.Frames.PageBytes:N0} bytes. Take shorter sequences, copy with CopyTo, or give the pager more ResidentBytes. " +
            "Nothing is pinned.")
        {
            Statistics = domain.Figures.Read(),
        };

    /// <summary>What stood in the way when every frame was looked at.</summary>
    private static string Cause(FrameClass size, in Shortage shortage, Exception? refusal)
    {
        string pinned = shortage.OthersPinned == 0
            ? $"{shortage.Pinned:N0} of {size.PageBytes:N0} bytes"
            : $"{shortage.Pinned:N0} of {size.PageBytes:N0} bytes, and {shortage.OthersPinned:N0} of other page sizes in the way of " +
                "their memory";
        if (shortage.IsPoolFull)
        {
            string also = shortage.Pinned + shortage.OthersPinned == 0 ? string.Empty : $" (frames pinned by leases: {pinned})";
            return $"the pool is full and no frame can be given up{also}. Discard or dispose what is not needed, dispose leases, give " +
                "the pager more PoolBytes, or add a swap file";
        }

        if (shortage.Pinned + shortage.OthersPinned != 0)
        {
            return $"every frame that could be had is pinned by a lease ({pinned}). Dispose leases, or give the pager more ResidentBytes";
        }

        return refusal is not null
            ? "the system refused memory for one frame more, within ResidentBytes. The inner exception says what can limit it"
            : "other page sizes hold the rest of the frames, and no more than the few that each of them keeps. Use fewer page sizes, or " +
                "give the pager more ResidentBytes";
    }

    private static InsufficientMemoryException? Refusal(long bytes, string what) =>
        bytes == 0 ? null : VirtualMemory.Refused(bytes, what, error: 0);

    /// <summary>What failed, where that is why the pool is full: the system refused memory within its budget, or the last write to a swap
    /// file failed.</summary>
    private static Exception? PoolFailure(PagingDomain domain)
    {
        SwapStore swap = domain.Swap;
        long refused = Math.Max(swap.Budget.RefusedBytes, Math.Max(swap.Segments.RefusedBytes, swap.Descriptors.RefusedBytes));
        return Refusal(refused, "memory for the pool or its tables") as Exception ?? WriteFailure(swap.Files);
    }

    private static IOException? WriteFailure(SwapFileTable files)
    {
        foreach (SwapArea? area in files.Areas)
        {
            if (area is not null && area.WriteError is not 0 and int error)
            {
                return new IOException(
                    $"The last write to swap file '{area.Device.Path}' failed: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).");
            }
        }

        return null;
    }

    private static string OtherFrames(PagingDomain domain, FrameClass size)
    {
        long bytes = 0;
        foreach (FrameClass? other in domain.Frames.Classes)
        {
            bytes += other is null || other == size ? 0 : other.Frames << other.PageShift;
        }

        return bytes == 0 ? string.Empty : $"{bytes:N0} bytes of frames of other sizes, ";
    }

    /// <summary>Figures of one moment: statistics, and the live bytes that go with their <see cref="PagerStatistics.PoolBytes"/>. Throws
    /// if the pager was disposed meanwhile.</summary>
    private static PagerStatistics Snapshot(PagingDomain domain, out long live)
    {
        PagerStatistics statistics = domain.Figures.Read();
        (live, long committed) = domain.Swap.Budget.Snapshot();
        domain.ThrowIfClosed();
        return statistics with { PoolBytes = committed };
    }

    private static void NoteRefused(PagingDomain domain, in PagerStatistics statistics, bool isPoolFull, bool isPinned)
    {
        if (isPoolFull)
        {
            PagingEvents.NotePoolFull(domain.Name, statistics.PoolBytes, statistics.PoolBudgetBytes, statistics.FileBytes);
        }
        else if (isPinned)
        {
            PagingEvents.NoteFramesPinned(domain.Name, statistics.Pins, statistics.ResidentBudgetBytes);
        }
    }

    [DoesNotReturn]
    internal static void ThrowCorrupted(PagedRegion region, long page, in LoadResult why) =>
        throw new PageCorruptedException(
            $"Page {page:N0} of {region.Describe()} cannot be had: {why.Describe()}. Other pages are not affected; {why.Remedy}.")
        {
            ArrayName = region.Name,
            PageIndex = page,
        };

    [DoesNotReturn]
    internal static void ThrowPoolFull(PagingDomain domain, int length)
    {
        PagerStatistics statistics = Snapshot(domain, out long live);
        NoteRefused(domain, statistics, isPoolFull: true, isPinned: false);
        throw new OutOfPagingSpaceException(
            $"No room to store {length:N0} bytes: {live:N0} bytes live in {statistics.PoolBytes:N0} of PoolBytes = " +
            $"{domain.Swap.Budget.Bytes:N0}{FileFigures(domain)}{domain.Dropped.Describe()}. Free some pages, give the pager more " +
            "PoolBytes, or add a swap file. Nothing is lost.",
            PoolFailure(domain))
        {
            Statistics = statistics,
        };
    }

    [DoesNotReturn]
    internal static void ThrowNoRoomToRemove(PagingDomain domain, string path, SwapArea area)
    {
        PagerStatistics statistics = Snapshot(domain, out long live);
        throw new OutOfPagingSpaceException(
            $"Swap file '{path}' cannot be removed: the {area.UsedBytes:N0} bytes that it still holds do not fit elsewhere; {live:N0} " +
            $"bytes live in {statistics.PoolBytes:N0} of PoolBytes = " +
            $"{domain.Swap.Budget.Bytes:N0}{FileFigures(domain)}{domain.Dropped.Describe()}. Free some pages, or add another file " +
            "first. The file stays in use; nothing is lost.",
            PoolFailure(domain))
        {
            Statistics = statistics,
        };
    }

    [DoesNotReturn]
    internal static void ThrowCannotShrink(PagingDomain domain, long residentBytes, long poolBytes, in Shortage shortage)
    {
        PagerStatistics statistics = Snapshot(domain, out long live);
        long resident = domain.Frames.BudgetBytes;
        long pool = domain.Swap.Budget.Bytes;
        string why = shortage.IsPoolFull
            ? "what is stored, and what would have to be, does not fit. Free some pages, shrink by less, or add a swap file"
            : shortage.OthersPinned != 0
                ? $"{shortage.OthersPinned:N0} of the frames that would have to go are pinned by leases. Dispose leases, or shrink by less"
                : "the system takes no memory back, as for memory that the process has locked";
        throw new OutOfPagingSpaceException(
            $"The budgets cannot become ResidentBytes = {residentBytes:N0} and PoolBytes = {poolBytes:N0}: {why}. "
            + $"{statistics.ResidentBytes:N0} bytes in frames of ResidentBytes = {resident:N0}, {statistics.Pins:N0} leases out; {live:N0} "
            + $"bytes live in {statistics.PoolBytes:N0} of PoolBytes = {pool:N0}{FileFigures(domain)}{domain.Dropped.Describe()}. "
            + "The budgets are as they were; nothing is lost.",
            shortage.IsPoolFull ? PoolFailure(domain) : null)
        {
            Statistics = statistics,
        };
    }

    private static string FileFigures(PagingDomain domain)
    {
        (int files, long bytes, long bad) = domain.Swap.Files.Sizes();
        if (files == 0)
        {
            return string.Empty;
        }

        string lost = bad == 0 ? string.Empty : $", {bad:N0} of them lost to failed writes";
        string retired = domain.Swap.Files.CountRetired() switch
        {
            0 => string.Empty,
            _ when files == 1 => ", which kept failing and takes no more",
            int count => $", {count} of which kept failing and take no more",
        };
        return
            $"; {domain.Swap.Files.UsedBytes:N0} bytes in use{lost} of {bytes:N0} in {files} swap file{(files == 1 ? "" : "s")}{retired}";
    }
}
