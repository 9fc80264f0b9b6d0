using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Diagnostics;
using Paging.Interop;
using Paging.Residency;
using Paging.Swap;
using Paging.Threading;

namespace Paging;

/// <summary>A budgeted paging domain: a resident set of frames, a compressed pool in native memory, and any number of swap files.</summary>
/// <remarks>Thread-safe. All arrays allocated from it share its budgets. Disposing it frees all native memory and deletes its swap files;
/// arrays used afterwards throw <see cref="ObjectDisposedException"/>. While leases are out, disposing throws
/// <see cref="InvalidOperationException"/>, which says how many, and changes nothing. <see cref="Thread.Interrupt"/> cuts no call of the
/// pager or of its arrays short: the interrupt waits for the thread's next managed wait elsewhere.</remarks>
public sealed partial class Pager : IDisposable, IAsyncDisposable
{
    private readonly PagingDomain _domain;

    /// <summary>Makes a pager. Its address space is set aside now; memory is taken as pages are touched and stored.</summary>
    /// <param name="options">Budgets and defaults; null takes the default values.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range, or a budget holds too few pages; the message says which,
    /// with the figures.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses the address space, or the first memory; the message says how many
    /// bytes, and which settings to look at.</exception>
    /// <exception cref="IOException">A swap file cannot be opened: see <see cref="AddSwapFile"/>; or, with the first pager of a process, an
    /// assembly that pages are compressed with cannot be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">The system gives no thread for the background or for a swap file, or no memory; the
    /// message says what for, and which limits to look at. Nothing is left behind.</exception>
    /// <exception cref="ArgumentException">The name is empty, or too long.</exception>
    /// <exception cref="InvalidOperationException">The factory of meters returns none. What it throws comes through as it is.</exception>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux on a 64-bit processor.</exception>
    public Pager(PagerOptions? options = null)
        : this(options, PagerTuning.Default)
    {
    }

    /// <summary>As the public constructor, with settings that users do not see.</summary>
    internal Pager(PagerOptions? options, PagerTuning tuning)
    {
        if (!VirtualMemory.IsSupported)
        {
            throw new PlatformNotSupportedException("Paging runs on 64-bit Linux.");
        }

        options ??= new PagerOptions();
        options.Check();
        CodecLibraries.Load();
        PagingEvents.Load();
        options = options with { SwapFiles = options.SwapFiles.Count == 0 ? [] : [.. options.SwapFiles] };

        // Before the memory: a factory of the program's may throw.
        var meter = new PagerMeter(options);
        try
        {
            _domain = new PagingDomain(options, tuning, meter);
        }
        catch
        {
            meter.Close(pager: null);
            throw;
        }

        Swap = new SwapSpace(_domain);
        try
        {
            foreach (SwapFileOptions file in _domain.Options.SwapFiles)
            {
                _domain.SwapFiles.Add(file);
            }
        }
        catch
        {
            _domain.Close();
            throw;
        }
    }

    /// <summary>The options that the pager was made with. <see cref="Resize"/> does not change them: the budgets of the present are in
    /// <see cref="GetStatistics"/>.</summary>
    public PagerOptions Options => _domain.Options;

    /// <summary>What the pager is called in metrics and events: <see cref="PagerOptions.Name"/>, or "pager-" and a number that no other
    /// pager of the process has.</summary>
    public string Name => _domain.Name;

    /// <summary>The layer below residency: stores pages by id, as zswap's store, load and invalidate do.</summary>
    public SwapSpace Swap { get; }

    /// <summary>Makes an array of zeroes. It costs memory for its page table only, until it is touched.</summary>
    /// <typeparam name="T">Any unmanaged type of at most one page.</typeparam>
    /// <param name="length">The number of elements: 1 or more, 2⁴⁵ bytes at most.</param>
    /// <param name="options">Page size, name and compression; null takes the pager's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length or an option is out of range, or the budgets hold too few pages of that
    /// size.</exception>
    /// <exception cref="ArgumentException">An element is larger than a page.</exception>
    /// <exception cref="InsufficientMemoryException">The system refuses address space for the page table; the message says how many bytes,
    /// and which settings to look at. Addresses of disposed arrays have been collected before that.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pool is too full for a page size that it has not stored before.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedArray<T> Allocate<T>(long length, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        Geometry geometry = Geometry.ForElements<T>(length, options?.PageBytes ?? Options.PageBytes);
        return new PagedArray<T>(MakeRegion<T>(geometry, options), geometry);
    }

    /// <summary>Makes an array with a copy of <paramref name="source"/>, so that a managed buffer can be paged out.</summary>
    /// <typeparam name="T">Any unmanaged type of at most one page.</typeparam>
    /// <param name="source">The elements: one or more.</param>
    /// <param name="options">Page size, name and compression; null takes the pager's.</param>
    /// <exception cref="ArgumentOutOfRangeException">The source is empty; or as for <see cref="Allocate{T}"/>.</exception>
    /// <exception cref="ArgumentException">An element is larger than a page.</exception>
    /// <exception cref="InsufficientMemoryException">As for <see cref="Allocate{T}"/>.</exception>
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

    /// <summary>Makes a matrix of zeroes whose rows are contiguous: a row never straddles two pages.</summary>
    /// <typeparam name="T">Any unmanaged type.</typeparam>
    /// <param name="rows">The number of rows: 1 or more.</param>
    /// <param name="columns">The number of elements in a row: 1 or more; a row is 4 MiB at most.</param>
    /// <param name="options">Page size (a minimum: it grows to the next power of two that holds a row), name and compression.</param>
    /// <exception cref="ArgumentOutOfRangeException">Rows, columns or an option are out of range, a row is longer than 4 MiB, or the budgets
    /// hold too few pages of the size that a row needs.</exception>
    /// <exception cref="InsufficientMemoryException">As for <see cref="Allocate{T}"/>.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pool is too full for a page size that it has not stored before.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagedMatrix<T> AllocateMatrix<T>(long rows, int columns, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        Geometry geometry = Geometry.ForRows<T>(rows, columns, options?.PageBytes ?? Options.PageBytes);
        return new PagedMatrix<T>(MakeRegion<T>(geometry, options), geometry, columns);
    }

    /// <summary>Takes a snapshot of all counters. Cheap enough to be called in every frame of a game.</summary>
    /// <remarks>Allocates nothing, and takes a few microseconds at any size, since no frame is looked at. (Where more than 127 pagers exist
    /// at once, the further ones count their leases by looking at frames.) When other threads are at work, the figures may be an operation
    /// apart.</remarks>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public PagerStatistics GetStatistics()
    {
        using DomainScope held = _domain.Enter();
        return _domain.GetStatistics();
    }

    /// <summary>What each array that is not disposed holds, and where.</summary>
    /// <returns>Matrices among them, in no order that means anything. Nothing but this is allocated.</returns>
    /// <remarks>Looks at pages: some ten nanoseconds for each page of the parts that were ever touched, and a hundred for a stored one, up to
    /// ten or twenty milliseconds an array; longer ones are estimated (<see cref="PagedArrayStatistics"/>). It costs those who use the arrays
    /// nothing.</remarks>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public IReadOnlyList<PagedArrayStatistics> GetArrays()
    {
        using DomainScope held = _domain.Enter();
        return new ArrayCensus(_domain).Take();
    }

    /// <summary>Changes the budgets while the pager is in use. What no longer fits into frames is evicted, what no longer fits into the
    /// pool is cleaned away or written to files, and the memory goes back to the system before this returns.</summary>
    /// <remarks>Other threads go on meanwhile; an access that finds no room waits until the budgets have settled before it is refused.
    /// Threads that change budgets take turns. Waits for files, and for leases as long as one ends within a second; a thread that has leases
    /// itself does not wait for others'. Budgets can grow to 16 times what the pager was made with, as far as the system has addresses:
    /// make a pager large and resize it down, if in doubt.</remarks>
    /// <param name="residentBytes">As <see cref="PagerOptions.ResidentBytes"/>.</param>
    /// <param name="poolBytes">As <see cref="PagerOptions.PoolBytes"/>. At least eight of the segments that the pager was made with,
    /// each of which is a 256th of the pool at first, 1 MiB at most, and longer for long pages.</param>
    /// <exception cref="ArgumentOutOfRangeException">A budget is too small for the page sizes in use or for the pool's segments, or larger
    /// than the pager has addresses for; the message says which, with the figures.</exception>
    /// <exception cref="OutOfPagingSpaceException">What is pinned or stored does not fit into the new budgets; the message says what, with
    /// the figures. The budgets are as they were, and nothing is lost.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public void Resize(long residentBytes, long poolBytes)
    {
        _domain.ThrowIfClosed();
        OptionChecks.CheckPageFits(Options.PageBytes, residentBytes, poolBytes, nameof(residentBytes), nameof(poolBytes));
        _domain.Resizer.Resize(residentBytes, poolBytes);
    }

    /// <summary>Swapon: opens a file for the coldest pages, which makes room in the pool.</summary>
    /// <param name="options">The file's place and size, and how it is used.</param>
    /// <returns>The file, for its figures and for <see cref="RemoveSwapFileAsync"/>.</returns>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is not a multiple of 4096, or holds fewer than two segments; the message says
    /// how many bytes are needed.</exception>
    /// <exception cref="DirectoryNotFoundException">The directory does not exist.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to create a file there.</exception>
    /// <exception cref="IOException">The name exists already (as a file, a link, a FIFO, or a swap file of this process), or the disk has
    /// no room.</exception>
    /// <exception cref="InvalidOperationException">The pager has 64 files already, the most it can have.</exception>
    /// <exception cref="InsufficientMemoryException">The system gives no thread to read, write or encrypt with; the message says which
    /// limits to look at. The pager goes on as before.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public SwapFile AddSwapFile(SwapFileOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);

        // The object is made first, since nothing may fail once the file is in use.
        return new SwapFile(_domain, options) { Area = _domain.SwapFiles.Add(options) };
    }

    /// <summary>Swapoff: moves every page off the file, into the pool and the other files, by scanning segments. Then it closes the
    /// file.</summary>
    /// <param name="file">A file of this pager.</param>
    /// <param name="cancellationToken">Stops the moving. Then the file stays in use, and nothing is lost.</param>
    /// <returns>A task that completes when the file is gone.</returns>
    /// <exception cref="ArgumentException">The file belongs to another pager, or has been removed already.</exception>
    /// <exception cref="InvalidOperationException">The file is being removed already.</exception>
    /// <exception cref="OutOfPagingSpaceException">The pages do not fit elsewhere. The file stays in use, and nothing is lost.</exception>
    /// <exception cref="OperationCanceledException">The removal was cancelled, which the task says. The file stays in use, and nothing is
    /// lost.</exception>
    /// <exception cref="InsufficientMemoryException">The system gives no thread to move the pages with. The file stays in use, and nothing
    /// is lost.</exception>
    /// <exception cref="ObjectDisposedException">The pager is disposed.</exception>
    public ValueTask RemoveSwapFileAsync(SwapFile file, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        _domain.ThrowIfClosed();
        if (!file.BelongsTo(_domain) || !_domain.Swap.Files.Contains(file.Area))
        {
            throw new ArgumentException(
                $"Swap file '{file.Path}' is not one of this pager: it belongs to another, or has been removed.", nameof(file));
        }

        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }

        // Called by a listener to a fault, this is the thread whose reads would keep the file.
        ReadPlan.TryEnd();
        if (!file.Area.TryBeginRemoval(out AreaState before))
        {
            throw new InvalidOperationException($"Swap file '{file.Path}' is being removed already. Await that.");
        }

        return new ValueTask(RemoveAsync(file, before, cancellationToken));
    }

    /// <summary>Disposes every array and gives all native memory back. Doing it again does nothing.</summary>
    /// <remarks>An interrupt does not cut it short. If it fails half-way all the same, for lack of memory for example, call it again: it
    /// goes on with what is left.</remarks>
    /// <exception cref="InvalidOperationException">Leases are out; the message says how many. Nothing has changed.</exception>
    public void Dispose() => _domain.Close();

    /// <summary>As <see cref="Dispose"/>.</summary>
    /// <returns>A completed task.</returns>
    /// <exception cref="InvalidOperationException">Leases are out; the message says how many. Nothing has changed.</exception>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    /// <remarks>What is awaited is the task itself, not a method that goes on behind it: so a thread that blocks for it needs no other one of
    /// the thread pool.</remarks>
    private Task RemoveAsync(SwapFile file, AreaState before, CancellationToken cancellation)
    {
        var moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            // Moving waits for devices, so it runs on a thread of its own and not on one that the caller's thread pool needs.
            Threads.Start(
                () =>
                {
                    try
                    {
                        _domain.SwapFiles.Remove(file.Area, file.Path, before, cancellation);
                        moving.SetResult();
                    }
                    catch (OperationCanceledException)
                    {
                        moving.SetCanceled(cancellation);
                    }
                    catch (Exception e)
                    {
                        moving.SetException(e);
                    }
                },
                "Paging swapoff",
                "to remove a swap file needs one that moves its pages");
        }
        catch (Exception e)
        {
            _domain.SwapFiles.Abandon(file.Area, before);
            return Task.FromException(e);
        }

        return moving.Task;
    }

    private PagedRegion MakeRegion<T>(Geometry geometry, PagedArrayOptions? options, IBackingSource? source = null)
        where T : unmanaged
    {
        options?.Check();
        DroppedArrays.Attempt dropped = default;
        bool goOn = true;
        while (true)
        {
            PagedRegion? region = TryMakeRegion<T>(geometry, options, source, goOn);
            if (region is not null)
            {
                return region;
            }

            goOn = _domain.Dropped.TryTakeDown(ref dropped, own: 0, isPoolFull: true);
        }
    }

    /// <returns>Null when the pool is too full for the page size, or a budget too small for the moment, and <paramref name="goOn"/> says
    /// that the caller tries again.</returns>
    private PagedRegion? TryMakeRegion<T>(Geometry geometry, PagedArrayOptions? options, IBackingSource? source, bool goOn)
        where T : unmanaged
    {
        using DomainScope held = _domain.Enter();
        _domain.Follower?.MakeFit(geometry.PageBytes);
        CheckPageFits(geometry.PageBytes, mayGrow: true);
        if (!_domain.Swap.TryAddLog(geometry.PageBytes))
        {
            if (!goOn)
            {
                CheckPageFits(geometry.PageBytes, mayGrow: false);
                ThrowHelper.ThrowPoolFull(_domain, geometry.PageBytes);
            }

            return null;
        }

        var policy = new CompressionPolicy(
            Unsafe.SizeOf<T>(), options?.Compression ?? Options.Compression, options?.Filter, _domain.Choosers);
        PagedRegion region = source is { } mapped
            ? MakeMapped(mapped, geometry, options?.Name, policy)
            : new PagedRegion(_domain, geometry, options?.Name, policy);
        if (region.IsRegistered || goOn)
        {
            return region.IsRegistered ? region : null;
        }

        CheckPageFits(geometry.PageBytes, mayGrow: false);
        return null;
    }

    /// <summary>Refuses a page size that is too large for the budgets.</summary>
    /// <param name="pageBytes">The page size.</param>
    /// <param name="mayGrow">Whether budgets that follow the memory that is left count as what they may be.</param>
    private void CheckPageFits(int pageBytes, bool mayGrow)
    {
        (long resident, long pool) = (_domain.Frames.BudgetBytes, _domain.Swap.Budget.Bytes);
        if (mayGrow && _domain.Follower is { } follower)
        {
            (resident, pool) = follower.Ceilings;
        }

        OptionChecks.CheckPageFits(pageBytes, resident, pool, nameof(PagedArrayOptions.PageBytes));
    }
}
