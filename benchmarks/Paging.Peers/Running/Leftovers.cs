using System.Runtime.InteropServices;

namespace Paging.Peers.Running;

/// <summary>What a run has changed on the machine - processes, cgroups, swap devices, a temporary directory - and has to undo also when it is
/// interrupted.</summary>
internal static class Leftovers
{
    private static readonly Lock s_lock = new();
    private static readonly List<(object Owner, Action Undo)> s_all = [];
    private static readonly List<PosixSignalRegistration> s_signals = [];
    private static bool s_isOver;

    /// <summary>From here on, an interrupt undoes everything before the process ends.</summary>
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
    }

    public static void Forget(object owner)
    {
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
