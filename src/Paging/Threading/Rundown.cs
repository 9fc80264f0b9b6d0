namespace Paging.Threading;

/// <summary>Lets an owner wait until no thread is inside any more, before it takes away what they use.</summary>
internal sealed class Rundown(int processors)
{
    /// <summary>The sum that counts the threads inside. These counters have only this one, so which <see cref="Counter"/> it is does not
    /// matter.</summary>
    private const Counter Entered = default;

    private readonly Counters _inside = new(processors);
    private int _closed;

    internal bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Enters. False once <see cref="Close"/> has begun. The addition is a full fence on x64; elsewhere the process-wide barrier
    /// of Close orders it before the check of the flag.</summary>
    internal bool TryEnter()
    {
        _inside.Add(Entered);
        if (!IsClosed)
        {
            return true;
        }

        Exit();
        return false;
    }

    /// <summary>As <see cref="TryEnter"/>: the scope says whether it is inside, and its end leaves, whatever happens in between.</summary>
    internal Scope Hold() => new(TryEnter() ? this : null);

    internal void Exit() => _inside.Add(Entered, -1);

    internal void Close()
    {
        Volatile.Write(ref _closed, 1);
        // Pairs with TryEnter: a thread that has not seen the flag is counted.
        Interlocked.MemoryBarrierProcessWide();
        Spinner spinner = default;
        while (_inside[Entered] != 0)
        {
            spinner.Once();
        }
    }

    internal readonly ref struct Scope(Rundown? rundown)
    {
        internal bool IsInside => rundown is not null;

        public void Dispose() => rundown?.Exit();
    }
}
