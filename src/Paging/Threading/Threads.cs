using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Starts all threads of the library, so that there is one message for when the system has no thread to give.</summary>
internal static class Threads
{
    /// <summary>Starts a background thread.</summary>
    /// <param name="run">The thread's work. It must not throw.</param>
    /// <param name="name">The thread's name, shown by debuggers.</param>
    /// <param name="neededFor">Which threads are needed, and for what: the beginning of a sentence in the exception's message.</param>
    /// <param name="stackBytes">The size of the stack; 0 for the system's default.</param>
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
                $"A thread could not be started: {neededFor}, and the system gives no more. Look at the limits for threads: "
                    + "pids.max of the control group, ulimit -u, kernel.threads-max, and at vm.max_map_count and memory for stacks. "
                    + "Nothing has changed; try again once there is room.",
                e);
        }
    }
}
