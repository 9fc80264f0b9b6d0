using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Waits that neither an interrupt nor a lack of memory cuts short. In the middle of a protocol that would leave claims, pins and
/// counts behind.</summary>
/// <remarks>An interrupt is kept for the thread's next managed wait. Sleeping on a lock may take memory, which the system may not have:
/// then the wait goes on without sleep. So no wait of this library throws, and between a claim and its end only the actual work can
/// throw.</remarks>
internal static class Uninterrupted
{
    internal static void Enter(object monitor)
    {
        bool interrupted = false;
        Enter(monitor, ref interrupted);
        Keep(interrupted);
    }

    /// <summary>Enters a monitor.</summary>
    /// <param name="monitor">The monitor.</param>
    /// <param name="interrupted">Set when an interrupt arrived; for <see cref="Keep"/>.</param>
    internal static void Enter(object monitor, ref bool interrupted)
    {
        while (true)
        {
            try
            {
                TestHook.MayFail(FailurePoint.Lock);
                Monitor.Enter(monitor);
                return;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
            catch (OutOfMemoryException)
            {
                Thread.Yield();
            }
        }
    }

    /// <summary>Sleeps once, without the monitor, and returns with it. It may return early, and without cause.</summary>
    /// <param name="monitor">The monitor, which the caller has entered.</param>
    /// <param name="milliseconds">The longest sleep; or infinite.</param>
    /// <param name="interrupted">Set when an interrupt arrived; for <see cref="Keep"/>.</param>
    /// <returns>False when the time was up.</returns>
    internal static bool Wait(object monitor, int milliseconds, ref bool interrupted)
    {
        bool inTime = true;
        try
        {
            TestHook.MayFail(FailurePoint.Sleep);
            inTime = Monitor.Wait(monitor, milliseconds);
        }
        catch (ThreadInterruptedException)
        {
            // A wake-up may have been spent on this sleep. It is not lost: the caller checks again whether its wait is over.
            interrupted = true;
        }
        catch (OutOfMemoryException)
        {
            // Other threads must get in meanwhile, or what the caller waits for never happens.
            if (Monitor.IsEntered(monitor))
            {
                Monitor.Exit(monitor);
            }

            Thread.Yield();
        }

        // The exception may have come before the monitor was entered again.
        if (!Monitor.IsEntered(monitor))
        {
            Enter(monitor, ref interrupted);
        }

        return inTime;
    }

    internal static void Join(Thread thread)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                TestHook.MayFail(FailurePoint.Join);
                thread.Join();
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
            catch (OutOfMemoryException)
            {
                Thread.Yield();
            }
        }

        Keep(interrupted);
    }

    /// <summary>Hands on an interrupt that arrived, to the thread's next managed wait.</summary>
    internal static void Keep(bool interrupted)
    {
        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}
