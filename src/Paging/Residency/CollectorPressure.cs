using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Tells the garbage collector what the arrays of a pager hold: it sees only small objects, and would leave dropped arrays alone
/// for long.</summary>
/// <remarks>Never more than the budgets, since no more native memory hangs on the arrays; and in steps of a sixteenth of that. The
/// collector counts what is added, and not what is taken back. So it must not be told at all of arrays that come and go within a
/// step.</remarks>
internal sealed class CollectorPressure(long bytes)
{
    private readonly Gate _gate = new();
    private long _budgets = bytes;
    private long _held;
    private long _told;
    private bool _isExact;

    /// <summary>What the collector believes that the arrays hold.</summary>
    internal long ToldBytes => Volatile.Read(ref _told);

    /// <summary>An array holds so much from now on.</summary>
    /// <param name="ofArray">What it has said before: each change is counted once, whichever threads race.</param>
    /// <param name="bytes">Of its touched pages.</param>
    internal void Set(ref long ofArray, long bytes)
    {
        long change = bytes - Shared.Exchange(SharedWord.Counter, ref ofArray, bytes);
        if (change != 0)
        {
            Interlocked.Add(ref _held, change);
            Settle();
        }
    }

    /// <summary>The budgets are so many bytes from now on.</summary>
    internal void SetBudgets(long bytes)
    {
        Volatile.Write(ref _budgets, bytes);
        Settle();
    }

    /// <summary>The pager is gone: from now on the collector is told of every change, so that it ends at 0.</summary>
    internal void Close()
    {
        Volatile.Write(ref _isExact, true);
        Settle();
    }

    private void Settle()
    {
        if (IsNearEnough())
        {
            return;
        }

        long change;
        using (_gate.Enter())
        {
            change = IsNearEnough() ? 0 : Target() - _told;
            Volatile.Write(ref _told, _told + change);
        }

        // Outside the gate: the collector may take the opportunity to collect.
        if (change > 0)
        {
            GC.AddMemoryPressure(change);
        }
        else if (change < 0)
        {
            GC.RemoveMemoryPressure(-change);
        }
    }

    private bool IsNearEnough()
    {
        long off = Math.Abs(Target() - Volatile.Read(ref _told));
        return off == 0 || (off < Math.Max(1, Volatile.Read(ref _budgets) / 16) && !Volatile.Read(ref _isExact));
    }

    private long Target() => Math.Min(Volatile.Read(ref _held), Volatile.Read(ref _budgets));
}
