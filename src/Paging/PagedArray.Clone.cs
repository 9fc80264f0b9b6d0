using Paging.Residency;

namespace Paging;

/// <summary>Copies on write, and views.</summary>
public sealed unsafe partial class PagedArray<T>
{
    /// <summary>A copy-on-write copy: shares every page until one side writes it.</summary>
    /// <remarks>The clone is an array of its own, with the same length, page size, name, compression and, if this one is mapped, file.
    /// Either can be disposed of first. Pages that are stored are shared: they take no more space, in the pool or in a swap file, until
    /// they are written on one side and stored again. Untouched pages cost nothing. A page in a frame that was written since it was last
    /// stored is stored for it, and stays in its frame. Only a page that is pinned at this moment and was written before, or that finds no
    /// room in the pool, is copied.
    /// Other threads may go on reading and writing this array meanwhile. Each page is cloned at one instant, between two accesses, but
    /// different pages at different instants: hold writers off for a clone of the whole array at one instant. While a lease or access
    /// writes a page, there is no such instant for the page as a whole: each of its elements is then cloned as a reader would see it at
    /// that moment, with what was written before, or after, or, if nothing orders the two, in part.</remarks>
    /// <returns>The clone, which is to be disposed of like any array.</returns>
    /// <exception cref="OutOfPagingSpaceException">A page had to be copied, and there is no room. There is no clone, and this array is as
    /// it was.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses memory for the clone's page table. There is no clone, and this
    /// array is as it was.</exception>
    /// <exception cref="PageCorruptedException">A page that had to be copied is damaged. (One that is shared tells so when it is read, on
    /// either side.)</exception>
    /// <exception cref="ObjectDisposedException">The array or its pager is disposed.</exception>
    public PagedArray<T> Clone()
    {
        Geometry geometry = Geometry.ForElements<T>(Length, PageBytes).WithItemsPerPage(PageLength);
        var clone = new PagedArray<T>(_pages.Region.Clone(geometry), geometry);
        GC.KeepAlive(this);
        return clone;
    }
}
