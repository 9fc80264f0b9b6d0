using System.Runtime.CompilerServices;
using Paging.Diagnostics;
using Paging.Residency;

namespace Paging;

/// <summary>A pinned page, readable until disposed. A ref struct: it cannot outlive the frame that took it.</summary>
/// <typeparam name="T">The array's element.</typeparam>
/// <remarks>Dispose it exactly once, on any path; copies of it are the same lease. A default lease is empty, and disposing it does
/// nothing. Debug builds of the library find leases that are disposed twice.</remarks>
public readonly unsafe ref struct ReadLease<T>
    where T : unmanaged
{
    private readonly T* _data;
    private readonly ulong* _page;
    private readonly PagedRegion? _region;
    private readonly int _length;
#if PAGING_TEST_HOOKS
    private readonly long _token;
#endif

    internal ReadLease(T* data, int length, ulong* page, PagedRegion region)
    {
        _data = data;
        _length = length;
        _page = page;
        _region = region;
#if PAGING_TEST_HOOKS
        _token = page == null ? 0 : LeaseLedger.Take();
#endif
    }

    /// <summary>The elements. Valid until the lease is disposed.</summary>
    public ReadOnlySpan<T> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
#if PAGING_TEST_HOOKS
            LeaseLedger.Check(_token);
#endif
            return new ReadOnlySpan<T>(_data, _length);
        }
    }

    /// <summary>Gives the page back.</summary>
    /// <exception cref="InvalidOperationException">The lease, or a copy of it, has been disposed before, where that can be told.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (_page != null)
        {
#if PAGING_TEST_HOOKS
            LeaseLedger.Return(_token);
#endif
            PageWord.Unpin(_page);
            GC.KeepAlive(_region);
        }
    }
}

/// <summary>A pinned page that will be dirty; other leases on the page may exist, as with an array.</summary>
/// <typeparam name="T">The array's element.</typeparam>
/// <remarks>Dispose it exactly once, on any path; copies of it are the same lease. A default lease is empty, and disposing it does
/// nothing. Debug builds of the library find leases that are disposed twice.</remarks>
public readonly unsafe ref struct WriteLease<T>
    where T : unmanaged
{
    private readonly T* _data;
    private readonly ulong* _page;
    private readonly PagedRegion? _region;
    private readonly int _length;
#if PAGING_TEST_HOOKS
    private readonly long _token;
#endif

    internal WriteLease(T* data, int length, ulong* page, PagedRegion region)
    {
        _data = data;
        _length = length;
        _page = page;
        _region = region;
#if PAGING_TEST_HOOKS
        _token = page == null ? 0 : LeaseLedger.Take();
#endif
    }

    /// <summary>The elements. Valid until the lease is disposed.</summary>
    public Span<T> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
#if PAGING_TEST_HOOKS
            LeaseLedger.Check(_token);
#endif
            return new Span<T>(_data, _length);
        }
    }

    /// <summary>Gives the page back.</summary>
    /// <exception cref="InvalidOperationException">The lease, or a copy of it, has been disposed before, where that can be told.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (_page != null)
        {
#if PAGING_TEST_HOOKS
            LeaseLedger.Return(_token);
#endif
            PageWord.Unpin(_page);
            GC.KeepAlive(_region);
        }
    }
}
