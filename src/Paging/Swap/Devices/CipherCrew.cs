using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A few threads that encrypt what is to be written: it is more than one processor can do at the speed of a disk.</summary>
/// <remarks>
/// <para>Its own threads, and no pool's, where what waits for a page could keep it from being made room for. They start with the device:
/// who adds a swap file can be told that there is no thread for it, and who writes a page cannot.</para>
/// <para>Each takes whole requests. They wait for work and for scratch buffers, which come back without them.</para>
/// <para>They know the medium, and nothing of the device: a device that is dropped drops its crew, which finishes what is queued, and
/// ends.</para>
/// </remarks>
internal sealed class CipherCrew : IDisposable
{
    internal const int MaxThreads = 4;

    private readonly Loop _loop;

    // Those that the system refused stay null: fewer will do, as long as there is one.
    private readonly Thread?[] _threads = new Thread?[Math.Min(Environment.ProcessorCount, MaxThreads)];

    /// <exception cref="InsufficientMemoryException">The system gives not one thread.</exception>
    internal CipherCrew(EncryptedMedium medium)
    {
        _loop = new Loop(medium);

        // A seeded scheduler has the threads of its test, and no others.
        for (int i = 0; i < _threads.Length && TestHook.Interleaver is null; i++)
        {
            try
            {
                _threads[i] = _loop.StartThread($"Paging cipher {i}", "an encrypted swap file needs at least one to encrypt");
            }
            catch (InsufficientMemoryException) when (i > 0)
            {
                break;
            }
        }
    }

    ~CipherCrew() => _loop.Stop();

    /// <summary>Those that have started, which end some time after the crew is dropped.</summary>
    internal IReadOnlyList<Thread> Threads => [.. _threads.OfType<Thread>()];

    /// <summary>Hands over a write, counted as under way on the device.</summary>
    /// <returns>False when nobody is there to take it: the submitter encrypts it.</returns>
    internal bool TryAdd(IoRequest request)
    {
        bool added = _threads[0] is not null && _loop.TryAdd(request);
        GC.KeepAlive(this);
        return added;
    }

    /// <summary>Ends the threads. All writes have completed.</summary>
    public void Dispose()
    {
        _loop.Stop();
        GC.SuppressFinalize(this);
        foreach (Thread? thread in _threads)
        {
            if (thread is not null)
            {
                Uninterrupted.Join(thread);
            }
        }
    }

    private sealed class Loop(EncryptedMedium medium) : RequestLoop
    {
        protected override void Process(IoRequest request) => medium.Start(request);
    }
}
