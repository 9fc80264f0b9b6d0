namespace Paging.Diagnostics;

/// <summary>Waits that an interrupt does not cut short; it is kept for the thread's next wait.</summary>
internal static class Uninterrupted
{
    internal static void Join(Thread thread)
    {
        bool interrupted = false;
        while (true)
        {
            try
            {
                thread.Join();
                break;
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }

        if (interrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}
