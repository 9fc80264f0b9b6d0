using Paging.TestSeam;

namespace Paging.Threading;

/// <summary>Waits that neither an interrupt nor a lack of memory cuts short: in the middle of a protocol they would leave claims, pins and counts
/// behind.</summary>
/// <remarks>An interrupt is kept for the thread's next managed wait. To sleep on a lock may take memory, which the system may not have: then the
/// wait goes on without sleep. So no wait of this library throws, and what stands between a claim and its end is only what does work.</remarks>
internal static class Uninterrupted
{
    internal static void Enter(object monitor)
    {
        bool interrupted = false;
        Enter(monitor, ref interrupted);
        Keep(interrupted);
    }

    /// <param name="monitor">What to enter.</param>
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

    /// <summary>Sleeps once, without the monitor, and returns with it; maybe early, and for no reason.</summary>
    /// <param name="monitor">Entered.</param>
    /// <param name="milliseconds">Or infinite.</param>
    /// <param name="interrupted">Set when an interrupt arrived; for <see cref="Keep"/>.</param>
    /// <returns>False when the time is over.</returns>
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
            // A wake-up may have been spent on this sleep. It is not lost: the caller looks again at what it waits for.
            interrupted = true;
        }
        catch (OutOfMemoryException)
        {
            // Others must get in meanwhile, or what is waited for never happens.
            if (Monitor.IsEntered(monitor))
            {
                Monitor.Exit(monitor);
            }

            Thread.Yield();
        }

        // Whatever cut the sleep short may have done so before the monitor was had again.
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

    /// <summary>Hands an interrupt that arrived on to the thread's next managed wait.</summary>
    internal static void Keep(bool interrupted)
    {
        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}
