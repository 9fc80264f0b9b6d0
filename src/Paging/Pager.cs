using Paging.Interop;
using Paging.Residency;

namespace Paging;

/// <summary>A budgeted paging domain: a resident set of frames and a compressed pool in native memory.</summary>
/// <remarks>Thread-safe. Every array allocated from it shares its budgets. Disposing it frees all native memory; arrays used afterwards
/// throw <see cref="ObjectDisposedException"/>. While leases are out, disposing throws
/// <see cref="InvalidOperationException"/>, naming how many, and changes nothing.</remarks>
public sealed class Pager : IDisposable, IAsyncDisposable
{
    private readonly PagingDomain _domain;

    /// <summary>Makes a pager. Its memory is reserved now, and taken as pages are touched and stored.</summary>
    /// <param name="options">Budgets; null takes the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range, or a budget holds too few pages; says which, with the figures.</exception>
    /// <exception cref="PlatformNotSupportedException">Not Linux on a 64-bit processor.</exception>
    public Pager(PagerOptions? options = null)
    {
        if (!VirtualMemory.IsSupported)
        {
            throw new PlatformNotSupportedException("Paging runs on 64-bit Linux.");
        }

        options ??= new PagerOptions();
        options.Check(nameof(options));
        _domain = new PagingDomain(options with { });
        Swap = new SwapSpace(_domain);
    }

    /// <summary>What the pager was made with.</summary>
    public PagerOptions Options => _domain.Options;

    /// <summary>The layer below residency: stores pages by id, as zswap's store, load and invalidate do.</summary>
    public SwapSpace Swap { get; }

    /// <summary>An array of zeroes; costs page-table memory only, until it is touched.</summary>
    /// <typeparam name="T">Any unmanaged type of at most one page.</typeparam>
    /// <param name="length">Elements, 1 or more; 2⁴⁵ bytes at most.</param>
    /// <param name="options">Page size and name; null takes the pager's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length or the page size is out of range, or the budgets hold too few pages of that size.</exception>
    /// <exception cref="ArgumentException">An element is larger than a page.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pool is too full for a page size that it has not stored before.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedArray<T> Allocate<T>(long length, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        Geometry geometry = Geometry.ForElements<T>(length, options?.PageBytes ?? Options.PageBytes);
        return new PagedArray<T>(MakeRegion(geometry, options), geometry);
    }

    /// <summary>Pages a managed buffer out: an array with a copy of <paramref name="source"/>.</summary>
    /// <typeparam name="T">Any unmanaged type of at most one page.</typeparam>
    /// <param name="source">One element or more.</param>
    /// <param name="options">Page size and name; null takes the pager's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The source is empty, or as for <see cref="Allocate{T}"/>.</exception>
    /// <exception cref="OutOfPagingSpaceException">The copy does not fit; nothing of it stays.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedArray<T> From<T>(ReadOnlySpan<T> source, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        PagedArray<T> array = Allocate<T>(source.Length, options);
        try
        {
            array.CopyFrom(0, source);
            return array;
        }
        catch
        {
            array.Dispose();
            throw;
        }
    }

    /// <summary>A matrix of zeroes whose rows are contiguous: a row never straddles two pages.</summary>
    /// <typeparam name="T">Any unmanaged type.</typeparam>
    /// <param name="rows">1 or more.</param>
    /// <param name="columns">1 or more; a row is 4 MiB at most.</param>
    /// <param name="options">Page size (the least: it grows to the next power of two that holds a row) and name.</param>
    /// <exception cref="ArgumentOutOfRangeException">Rows or columns are out of range, a row is longer than 4 MiB, or the budgets hold too few
    /// pages of the size that a row needs.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedMatrix<T> AllocateMatrix<T>(long rows, int columns, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        Geometry geometry = Geometry.ForRows<T>(rows, columns, options?.PageBytes ?? Options.PageBytes);
        return new PagedMatrix<T>(MakeRegion(geometry, options), geometry, columns);
    }

    /// <summary>A consistent-enough snapshot of all counters; cheap enough to call every frame of a game.</summary>
    /// <remarks>Allocates nothing. Most of its time goes into counting leases: a few nanoseconds a frame of memory.</remarks>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagerStatistics GetStatistics()
    {
        _domain.Enter();
        try
        {
            return _domain.GetStatistics();
        }
        finally
        {
            _domain.Exit();
        }
    }

    /// <summary>Disposes every array and gives all native memory back. Doing it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">Leases are out; says how many. Nothing has changed.</exception>
    public void Dispose() => _domain.Close();

    /// <summary>As <see cref="Dispose"/>.</summary>
    /// <returns>Completed.</returns>
    /// <exception cref="InvalidOperationException">Leases are out; says how many. Nothing has changed.</exception>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private PagedRegion MakeRegion(Geometry geometry, PagedArrayOptions? options)
    {
        _domain.Enter();
        try
        {
            ThrowHelper.CheckPageFits(
                geometry.PageBytes, Options.ResidentBytes, Options.PoolBytes, nameof(PagedArrayOptions.PageBytes));
            if (!_domain.Swap.TryAddLog(geometry.PageBytes))
            {
                ThrowHelper.ThrowPoolFull(_domain, geometry.PageBytes);
            }

            return new PagedRegion(_domain, geometry.PageBytes, geometry.PageCount, options?.Name);
        }
        finally
        {
            _domain.Exit();
        }
    }
}
