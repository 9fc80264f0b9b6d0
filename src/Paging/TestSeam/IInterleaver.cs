namespace Paging.TestSeam;

/// <summary>Drives the threads of a test one at a time. Every call may hand the turn to another thread.</summary>
internal interface IInterleaver
{
    /// <summary>The calling thread is about to touch a shared word.</summary>
    void Reach(SharedWord word);

    /// <summary>The calling thread cannot go on before another thread has moved.</summary>
    void Yield();

    /// <summary>The calling thread sleeps until <see cref="Wake"/> names the same object.</summary>
    void Block(object on);

    void Wake(object on);

    /// <summary>As <see cref="Block"/>, but not for ever.</summary>
    /// <returns>False when the time was up: it is up when no other thread can move.</returns>
    bool Sleep(object on);

    /// <summary>Keeps something that is about to be dropped until the run is over: its finalizer would run beside the threads.</summary>
    void Keep(object thing);

    /// <summary>The number of the calling thread, the same in every run.</summary>
    int Thread { get; }
}
