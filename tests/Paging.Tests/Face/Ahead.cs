namespace Paging.Tests.Face;

/// <summary>Prefetches as tasks that tests may keep, look at and await more than once.</summary>
internal static class Ahead
{
    public static Task Prefetch<T>(PagedArray<T> array, long start, long length)
        where T : unmanaged => array.PrefetchAsync(start, length, CancellationToken.None).AsTask();

    public static Task PrefetchRows<T>(PagedMatrix<T> matrix, long startRow, long rows)
        where T : unmanaged => matrix.PrefetchAsync(startRow, rows, CancellationToken.None).AsTask();

    public static Task PrefetchUntil<T>(PagedArray<T> array, long start, long length, CancellationToken end)
        where T : unmanaged => array.PrefetchAsync(start, length, end).AsTask();
}
