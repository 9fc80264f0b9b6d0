using System.Diagnostics.CodeAnalysis;
using Paging.Memory;
using Paging.Residency;
using Paging.Swap;

namespace Paging;

/// <summary>The exceptions of the public face, with the figures and with what to do.</summary>
internal static class ThrowHelper
{
    [DoesNotReturn]
    internal static void ThrowIndex(long index, long length) =>
        throw new ArgumentOutOfRangeException(nameof(index), index, $"The index must be at least 0 and less than the length, {length:N0}.");

    [DoesNotReturn]
    internal static void ThrowRange(long start, long count, long length) =>
        throw new ArgumentOutOfRangeException(
            nameof(start), start, $"A range of {count:N0} from {start:N0} does not lie within the {length:N0} elements of the array.");

    [DoesNotReturn]
    internal static void ThrowCrossesPage(long start, int count, int pageLength) =>
        throw new ArgumentException(
            $"The {count:N0} elements from {start:N0} cross a page of {pageLength:N0} elements, and a span cannot. Use ReadSequence for a sequence over the pages, or CopyTo and CopyFrom to copy.");

    [DoesNotReturn]
    internal static void ThrowOutOfSpace(PagingDomain domain, PagedRegion region, bool write)
    {
        domain.ThrowIfClosed();
        PagerStatistics statistics = domain.GetStatistics();
        FrameClass size = region.Frames;
        PagerOptions options = domain.Options;
        string action = write ? "write to" : "read";
        string figures =
            $"{size.Frames:N0} frames of {size.PageBytes:N0} bytes ({size.DirtyFrames:N0} dirty, {statistics.Pins:N0} leases out in all) of ResidentBytes = {options.ResidentBytes:N0}; " +
            $"{domain.Swap.Budget.LiveBytes:N0} bytes live in {statistics.PoolBytes:N0} of PoolBytes = {options.PoolBytes:N0}{FileFigures(domain)}{domain.Dropped.Describe()}";
        string cause = domain.Swap.HasRoom(size.PageBytes)
            ? "every frame is pinned by a lease. Dispose leases, or give the pager more ResidentBytes"
            : "the pool is full and no frame can be given up. Discard or dispose what is not needed, dispose leases, give the pager more PoolBytes, or add a swap file";
        throw new OutOfPagingSpaceException($"No room to {action} a page of {region.Describe()}: {cause}. {figures}. Nothing is lost.") { Statistics = statistics };
    }

    [DoesNotReturn]
    internal static void ThrowCorrupted(PagedRegion region, long page, string what) =>
        throw new PageCorruptedException(
            $"Page {page:N0} of {region.Describe()} cannot be had: {what}. Other pages are not affected; overwrite or discard this one to use it again.")
        {
            ArrayName = region.Name,
            PageIndex = page,
        };

    [DoesNotReturn]
    internal static void ThrowPoolFull(PagingDomain domain, int length)
    {
        PagerStatistics statistics = domain.GetStatistics();
        throw new OutOfPagingSpaceException(
            $"No room to store {length:N0} bytes: {domain.Swap.Budget.LiveBytes:N0} bytes live in {statistics.PoolBytes:N0} of PoolBytes = {domain.Options.PoolBytes:N0}{FileFigures(domain)}{domain.Dropped.Describe()}. Free some pages, give the pager more PoolBytes, or add a swap file. Nothing is lost.")
        {
            Statistics = statistics,
        };
    }

    [DoesNotReturn]
    internal static void ThrowNoRoomToRemove(PagingDomain domain, SwapFile file)
    {
        PagerStatistics statistics = domain.GetStatistics();
        throw new OutOfPagingSpaceException(
            $"Swap file '{file.Path}' cannot be removed: the {file.UsedBytes:N0} bytes that it still holds do not fit elsewhere; {domain.Swap.Budget.LiveBytes:N0} bytes live in {statistics.PoolBytes:N0} of PoolBytes = {domain.Options.PoolBytes:N0}{FileFigures(domain)}{domain.Dropped.Describe()}. Free some pages, or add another file first. The file stays in use; nothing is lost.")
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
        return $"; {domain.Swap.Files.UsedBytes:N0} bytes in use{lost} of {bytes:N0} in {files} swap file{(files == 1 ? "" : "s")}";
    }

    /// <summary>Checks that the budgets can hold enough pages of a size (rule 12).</summary>
    internal static void CheckPageFits(int pageBytes, long residentBytes, long poolBytes, string parameter)
    {
        if (residentBytes / pageBytes < FramePool.MinFrames)
        {
            throw new ArgumentOutOfRangeException(
                parameter,
                residentBytes,
                $"ResidentBytes = {residentBytes:N0} holds {residentBytes / pageBytes:N0} pages of {pageBytes:N0} bytes; at least {FramePool.MinFrames} are needed, {(long)FramePool.MinFrames * pageBytes:N0} bytes.");
        }

        long least = LogGeometry.MinPoolBytes(pageBytes);
        if (poolBytes < least)
        {
            throw new ArgumentOutOfRangeException(
                parameter,
                poolBytes,
                $"PoolBytes = {poolBytes:N0} has room for fewer than {LogGeometry.MinSegments} segments for pages of {pageBytes:N0} bytes; at least {least:N0} bytes are needed.");
        }
    }
}
