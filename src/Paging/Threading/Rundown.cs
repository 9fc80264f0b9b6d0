namespace Paging.Threading;

/// <summary>Lets an owner wait until nobody is inside any more, before it takes the ground away.</summary>
internal sealed class Rundown(int processors)
{
    private readonly Counters _inside = new(processors);
    private int _closed;

    internal bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>False once <see cref="Close"/> has begun. The addition is a full fence on x64; elsewhere Close's process-wide barrier
    /// orders it before the look at the flag.</summary>
    internal bool TryEnter()
    {
        _inside.Add(default);
        if (!IsClosed)
        {
            return true;
        }

        Exit();
        return false;
    }

    /// <summary>As <see cref="TryEnter"/>: the scope says whether it is inside, and its end leaves, whatever happens in between.</summary>
    internal Scope Hold() => new(TryEnter() ? this : null);

    internal void Exit() => _inside.Add(default, -1);

    internal void Close()
    {
        Volatile.Write(ref _closed, 1);
        // Pairs with TryEnter: a thread that has not seen the flag is counted.
        Interlocked.MemoryBarrierProcessWide();
        Spinner spinner = default;
        while (_inside[default] != 0)
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
