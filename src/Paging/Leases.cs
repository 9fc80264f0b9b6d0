using System.Runtime.CompilerServices;
using Paging.Residency;

namespace Paging;

/// <summary>A pinned page, readable until the lease is disposed. A ref struct: it cannot outlive the stack frame that took it.</summary>
/// <typeparam name="T">The array's element.</typeparam>
/// <remarks>Dispose it once, on any path. Disposing empties the variable: doing it again does nothing, and its span is then empty, like
/// that of a default lease. A copy of a lease is the same lease, but does not know that the lease has been disposed. Disposing the copy too
/// takes the pin of another lease on the page, if there is one, whose span may then show another page. So do not copy leases: pass them by
/// <see langword="in"/>, or pass their spans. Release builds cannot tell copies apart, and only notice when no pin is left to give back;
/// debug builds of the library find every copy that is disposed or read after the lease has ended.</remarks>
public readonly unsafe ref struct ReadLease<T> : IDisposable
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

    /// <summary>Gives the page back, and empties this variable: doing it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">A copy of the lease has been disposed before, where that can be told.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        ReadLease<T> lease = this;
        if (lease._page != null)
        {
            // Emptied before the pin is given back, so that nothing can give it back twice, whatever throws.
            Unsafe.AsRef(in this) = default;
#if PAGING_TEST_HOOKS
            LeaseLedger.Return(lease._token);
#endif
            PageWord.UnpinLease(lease._page, lease._region!.LeaseSlot);
            GC.KeepAlive(lease._region);
        }
    }
}

/// <summary>A pinned page that becomes dirty. Other leases on the page may exist: their writers and readers share it as they would share an
/// array.</summary>
/// <typeparam name="T">The array's element.</typeparam>
/// <remarks>Dispose it once, on any path. Disposing empties the variable: doing it again does nothing, and its span is then empty, like
/// that of a default lease. A copy of a lease is the same lease, but does not know that the lease has been disposed. Disposing the copy too
/// takes the pin of another lease on the page, if there is one, whose span may then show another page. So do not copy leases: pass them by
/// <see langword="in"/>, or pass their spans. Release builds cannot tell copies apart, and only notice when no pin is left to give back;
/// debug builds of the library find every copy that is disposed or read after the lease has ended.</remarks>
public readonly unsafe ref struct WriteLease<T> : IDisposable
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

    /// <summary>Gives the page back, and empties this variable: doing it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">A copy of the lease has been disposed before, where that can be told.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        WriteLease<T> lease = this;
        if (lease._page != null)
        {
            // Emptied before the pin is given back, so that nothing can give it back twice, whatever throws.
            Unsafe.AsRef(in this) = default;
#if PAGING_TEST_HOOKS
            LeaseLedger.Return(lease._token);
#endif
            PageWord.UnpinLease(lease._page, lease._region!.LeaseSlot);
            GC.KeepAlive(lease._region);
        }
    }
}
