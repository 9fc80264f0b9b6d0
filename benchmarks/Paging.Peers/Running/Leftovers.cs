using System.Runtime.InteropServices;

namespace Paging.Peers.Running;

/// <summary>What a run has changed on the machine - processes, cgroups, swap devices, a temporary directory - and has to undo also when it is
/// interrupted, or fails in a way that nobody has foreseen.</summary>
internal static class Leftovers
{
    private static readonly Lock s_lock = new();
    private static readonly List<(object Owner, Action Undo)> s_all = [];
    private static readonly List<PosixSignalRegistration> s_signals = [];
    private static bool s_isOver;

    /// <summary>From here on, everything is undone before the process ends, unless it is killed.</summary>
    public static void UndoWhenInterrupted()
    {
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            s_signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                UndoAll();
                Environment.Exit(130);
            }));
        }

        AppDomain.CurrentDomain.UnhandledException += (_, _) => UndoAll();
    }

    /// <summary>While all is being undone, the thread that measures finds files and processes gone. That is no failure to tell of or to tidy
    /// up after: it waits here for the end of the process.</summary>
    public static void StayIfOver()
    {
        lock (s_lock)
        {
            if (!s_isOver)
            {
                return;
            }
        }

        Thread.Sleep(Timeout.Infinite);
    }

    /// <param name="owner">Whoever undoes it in the ordinary course of things, and says so by <see cref="Forget"/>.</param>
    public static void Remember(object owner, Action undo)
    {
        lock (s_lock)
        {
            if (!s_isOver)
            {
                s_all.Add((owner, undo));
                return;
            }
        }

        undo(); // made while everything was being undone
        StayIfOver();
    }

    public static void Forget(object owner)
    {
        StayIfOver(); // it is being undone
        lock (s_lock)
        {
            s_all.RemoveAll(l => l.Owner == owner);
        }
    }

    /// <summary>The last first: processes before the cgroups that hold them.</summary>
    private static void UndoAll()
    {
        (object Owner, Action Undo)[] all;
        lock (s_lock)
        {
            s_isOver = true;
            all = [.. s_all.AsEnumerable().Reverse()];
            s_all.Clear();
        }

        foreach ((object owner, Action undo) in all)
        {
            try
            {
                undo();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                Console.Error.WriteLine($"{owner.GetType().Name}: not undone: {e.Message}");
            }
        }
    }
}
