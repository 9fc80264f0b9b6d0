using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Hands work to the .NET thread pool, and says when that is of no use.</summary>
/// <remarks>A pool that has no thread and cannot start one throws once. From then on it takes work without a word, and never does it: so it
/// is in a process that has no file descriptor left, since .NET needs one for each thread. After a refusal nothing is handed to it until
/// it has done a work item that was queued then.</remarks>
internal static class PoolQueue
{
    private static readonly Probe s_probe = new();

    /// <summary>0 → 1 by a thread that is refused; 1 → 0 by the pool, when it comes to the probe.</summary>
    private static int s_isStuck;

    /// <summary>Queues a work item.</summary>
    /// <returns>False when the pool does nothing at the moment. It may have taken the item all the same, and come to it later.</returns>
    internal static bool TryQueue(IThreadPoolWorkItem item)
    {
        if (Volatile.Read(ref s_isStuck) != 0)
        {
            return false;
        }

        try
        {
            TestHook.MayFail(FailurePoint.ThreadStart);
            ThreadPool.UnsafeQueueUserWorkItem(item, preferLocal: false);
            return true;
        }
        catch (Exception)
        {
            // Whatever it is: the caller has something that must be done.
            Volatile.Write(ref s_isStuck, 1);
            QueueProbe();
            return false;
        }
    }

    private static void QueueProbe()
    {
        try
        {
            ThreadPool.UnsafeQueueUserWorkItem(s_probe, preferLocal: false);
        }
        catch (Exception)
        {
            // It has been taken before a thread was looked for.
        }
    }

    private sealed class Probe : IThreadPoolWorkItem
    {
        public void Execute() => Volatile.Write(ref s_isStuck, 0);
    }
}
