using System.Runtime.ExceptionServices;

namespace Paging.Tests.Model;

/// <summary>Threads that do the same at once. What one of them throws is thrown again when all have ended.</summary>
internal static class Crew
{
    public static void Run(int count, Action<int> work)
    {
        ExceptionDispatchInfo? failure = null;
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => new Thread(() =>
        {
            try
            {
                work(number);
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(exception), null);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        failure?.Throw();
    }
}
