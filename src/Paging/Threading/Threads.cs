using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Starts the library's threads: all of them, so that what is said when the system has none to give is said once.</summary>
internal static class Threads
{
    /// <param name="run">What it does. It must not throw.</param>
    /// <param name="name">Shown by debuggers.</param>
    /// <param name="neededFor">Which threads there must be, and for what: the beginning of a sentence.</param>
    /// <param name="stackBytes">0 takes the system's default.</param>
    /// <exception cref="InsufficientMemoryException">The system gives no thread.</exception>
    internal static Thread Start(Action run, string name, string neededFor, int stackBytes = 0)
    {
        try
        {
            TestHook.MayFail(FailurePoint.ThreadStart);
            var thread = new Thread(run.Invoke, stackBytes) { IsBackground = true, Name = name };
            thread.UnsafeStart();
            return thread;
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
            throw new InsufficientMemoryException(
                $"A thread could not be started: {neededFor}, and the system gives no more. Look at the limits for threads: pids.max of the control group, ulimit -u, kernel.threads-max, and at vm.max_map_count and memory for stacks. Nothing has changed; try again once there is room.",
                e);
        }
    }
}
