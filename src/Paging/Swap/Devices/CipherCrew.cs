using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A few threads that encrypt what is to be written: one processor cannot encrypt as fast as a disk writes.</summary>
/// <remarks>
/// <para>They are threads of its own, not of a pool: there, work that waits for a page could keep back the work that makes room for the
/// page. They start with the device: a program that adds a swap file can be told that there is no thread for it, one that writes a page
/// cannot.</para>
/// <para>Each takes whole requests. They wait for work, and for scratch buffers, which other threads return without their help.</para>
/// <para>They know the medium, but not the device. When a device is dropped, its crew is dropped too, finishes what is queued, and
/// ends.</para>
/// </remarks>
internal sealed class CipherCrew : IDisposable
{
    /// <summary>The most threads of a crew.</summary>
    internal const int MaxThreads = 4;

    private readonly Loop _loop;

    // Threads that the system refuses stay null: one is enough.
    private readonly Thread?[] _threads = new Thread?[Math.Min(Environment.ProcessorCount, MaxThreads)];

    /// <exception cref="InsufficientMemoryException">The system gives no thread at all.</exception>
    internal CipherCrew(EncryptedMedium medium)
    {
        _loop = new Loop(medium);

        // Under a seeded scheduler only the threads of the test run.
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

    /// <summary>The threads that have started. They end some time after the crew is dropped.</summary>
    internal IReadOnlyList<Thread> Threads => [.. _threads.OfType<Thread>()];

    /// <summary>Hands over a write that is counted as under way on the device.</summary>
    /// <returns>False when there is no thread to take it: then the submitter encrypts it.</returns>
    internal bool TryAdd(IoRequest request)
    {
        bool added = _threads[0] is not null && _loop.TryAdd(request);
        GC.KeepAlive(this);
        return added;
    }

    /// <summary>Ends the threads. All writes must have completed.</summary>
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
