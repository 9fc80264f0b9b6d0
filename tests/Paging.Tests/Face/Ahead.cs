namespace Paging.Tests.Face;

/// <summary>Prefetches and pins as tasks that tests may keep, look at and await more than once.</summary>
internal static class Ahead
{
    public static Task Prefetch<T>(PagedArray<T> array, long start, long length)
        where T : unmanaged => array.PrefetchAsync(start, length, CancellationToken.None).AsTask();

    public static Task PrefetchRows<T>(PagedMatrix<T> matrix, long startRow, long rows)
        where T : unmanaged => matrix.PrefetchAsync(startRow, rows, CancellationToken.None).AsTask();

    public static Task PrefetchUntil<T>(PagedArray<T> array, long start, long length, CancellationToken end)
        where T : unmanaged => array.PrefetchAsync(start, length, end).AsTask();

    public static Task<PageOwner<T>> Pin<T>(PagedArray<T> array, long start, bool writable = false)
        where T : unmanaged => array.PinAsync(start, writable, CancellationToken.None).AsTask();

    public static Task<PageOwner<T>> PinUntil<T>(PagedArray<T> array, long start, CancellationToken end)
        where T : unmanaged => array.PinAsync(start, writable: false, end).AsTask();

    /// <summary>What is there when the call returns.</summary>
    public static PageOwner<T> PinNow<T>(PagedArray<T> array, long start, bool writable = false)
        where T : unmanaged
    {
        Task<PageOwner<T>> task = Pin(array, start, writable);
        Assert.True(task.IsCompletedSuccessfully);
        return task.Result;
    }
}
