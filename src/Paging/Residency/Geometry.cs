using System.Numerics;
using Paging.Memory;

namespace Paging.Residency;

/// <summary>How items (elements, or rows) lie in pages: whole, as many as fit, the rest of the page unused.</summary>
internal readonly struct Geometry
{
    private Geometry(long items, int itemBytes, int pageBytes, int itemsPerPage = 0)
    {
        Items = items;
        ItemBytes = itemBytes;
        PageBytes = pageBytes;
        ItemsPerPage = itemsPerPage == 0 ? pageBytes / itemBytes : itemsPerPage;
        PageCount = ((items - 1) / ItemsPerPage) + 1;
        Divider = new Divider(ItemsPerPage);
    }

    internal long Items { get; }

    internal int ItemBytes { get; }

    internal int PageBytes { get; }

    internal int ItemsPerPage { get; }

    internal long PageCount { get; }

    /// <summary>Bytes of a page that items lie in.</summary>
    internal int UsedBytes => ItemsPerPage * ItemBytes;

    /// <summary>Bytes of the last page that items lie in: it may be short.</summary>
    internal int LastUsedBytes => (int)(Items - ((PageCount - 1) * ItemsPerPage)) * ItemBytes;

    internal Divider Divider { get; }

    internal static unsafe Geometry ForElements<T>(long length, int pageBytes)
        where T : unmanaged
    {
        FramePool.CheckPageBytes(pageBytes, nameof(PagedArrayOptions.PageBytes));
        if (sizeof(T) > pageBytes)
        {
            throw new ArgumentException(
                $"An element of {typeof(T).Name} takes {sizeof(T):N0} bytes and a page only {pageBytes:N0}. Elements do not straddle " +
                "pages: give the array larger pages.");
        }

        CheckCount(length, pageBytes / sizeof(T), pageBytes, nameof(length));
        return new Geometry(length, sizeof(T), pageBytes);
    }

    internal static unsafe Geometry ForRows<T>(long rows, int columns, int pageBytes)
        where T : unmanaged
    {
        FramePool.CheckPageBytes(pageBytes, nameof(PagedArrayOptions.PageBytes));
        int rowBytes = RowBytes<T>(columns);
        int grown = Math.Max(pageBytes, (int)BitOperations.RoundUpToPowerOf2((uint)rowBytes));
        CheckCount(rows, grown / rowBytes, grown, nameof(rows));
        return new Geometry(rows, rowBytes, grown);
    }

    /// <summary>The same items in pages that hold fewer of them than they could: as many as lie together elsewhere. Where an array cannot have
    /// so many pages, they stay as they are.</summary>
    internal Geometry WithItemsPerPage(int itemsPerPage) =>
        Items <= MaxCount(itemsPerPage, PageBytes) ? new Geometry(Items, ItemBytes, PageBytes, itemsPerPage) : this;

    /// <summary>The size of a row in bytes, checked.</summary>
    internal static unsafe int RowBytes<T>(int columns)
        where T : unmanaged
    {
        long rowBytes = (long)columns * sizeof(T);
        return columns > 0 && rowBytes <= FramePool.MaxPageBytes
            ? (int)rowBytes
            : throw new ArgumentOutOfRangeException(
                nameof(columns),
                columns,
                $"A row of {columns:N0} elements takes {rowBytes:N0} bytes. It must have at least one element, and " +
                $"{FramePool.MaxPageBytes:N0} bytes at most.");
    }

    /// <summary>Checks the number of items that a file says it has, before it is taken for the caller's.</summary>
    /// <param name="items">Their number.</param>
    /// <param name="itemBytes">The size of one.</param>
    /// <param name="pageBytes">The size of a page, unless an item needs a larger one.</param>
    /// <param name="what">The file, as the beginning of a sentence.</param>
    /// <exception cref="InvalidDataException">They are more than an array can have.</exception>
    internal static void CheckFile(long items, int itemBytes, int pageBytes, string what)
    {
        int grown = Math.Max(pageBytes, (int)BitOperations.RoundUpToPowerOf2((uint)itemBytes));
        long max = MaxCount(grown / itemBytes, grown);
        if (items > max)
        {
            throw new InvalidDataException(
                $"{what} has {items:N0} items of {itemBytes:N0} bytes. In pages of {grown:N0} bytes {max:N0} are the most that can be had: an array " +
                $"spans {PagedRegion.MaxBytes:N0} bytes of pages at most.");
        }
    }

    private static long MaxCount(int itemsPerPage, int pageBytes) => PagedRegion.MaxBytes / pageBytes * itemsPerPage;

    private static void CheckCount(long items, int itemsPerPage, int pageBytes, string parameter)
    {
        long max = MaxCount(itemsPerPage, pageBytes);
        if (items <= 0 || items > max)
        {
            throw new ArgumentOutOfRangeException(
                parameter,
                items,
                $"{items:N0} is not from 1 to {max:N0}: an array spans {PagedRegion.MaxBytes:N0} bytes of pages at most.");
        }
    }
}
