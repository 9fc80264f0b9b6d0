using Paging.Diagnostics;

namespace Paging.Swap.Devices;

/// <summary>A few threads that encrypt what is to be written: it is more than one processor can do at the speed of a disk.</summary>
/// <remarks>
/// <para>Its own threads, and no pool's, where what waits for a page could keep it from being made room for. They start with the first write.</para>
/// <para>Each takes whole requests. They wait for work and for scratch buffers, which come back without them.</para>
/// <para>They know the medium, and nothing of the device: a device that is dropped drops its crew, which finishes what is queued, and ends.</para>
/// </remarks>
internal sealed class CipherCrew : IDisposable
{
    internal const int MostThreads = 4;

    private const int Absent = 0;
    private const int Starting = 1;
    private const int Present = 2;

    private readonly Loop _loop;

    // Written by the submitter that starts them, before Present; those that the system refused stay null.
    private readonly Thread?[] _threads = new Thread?[Math.Min(Environment.ProcessorCount, MostThreads)];

    // Absent → Starting by CAS of any submitter; from there by that submitter alone, to Present, or back where not one thread started.
    private int _state;

    internal CipherCrew(EncryptedMedium medium) => _loop = new Loop(medium);

    ~CipherCrew() => _loop.Stop();

    /// <summary>Those that have started, which end some time after the crew is dropped.</summary>
    internal IReadOnlyList<Thread> Threads => [.. _threads.OfType<Thread>()];

    /// <summary>Hands over a write, counted as under way on the device.</summary>
    /// <returns>False when nobody is there to take it: the submitter encrypts it.</returns>
    internal bool TryAdd(IoRequest request)
    {
        bool added = (Volatile.Read(ref _state) == Present || TryStart()) && _loop.TryAdd(request);
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

    /// <remarks>Without a lock: who comes while another one starts them does not wait. Dispose does, for the write that this one is about.</remarks>
    private bool TryStart()
    {
        if (Interlocked.CompareExchange(ref _state, Starting, Absent) != Absent)
        {
            return false;
        }

        int count = 0;
        try
        {
            for (; count < _threads.Length; count++)
            {
                _threads[count] = _loop.StartThread($"Paging cipher {count}");
            }
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
            // Fewer will do, and the next write tries again if there is none.
        }

        Volatile.Write(ref _state, count == 0 ? Absent : Present);
        return count != 0;
    }

    private sealed class Loop(EncryptedMedium medium) : RequestLoop
    {
        protected override void Process(IoRequest request) => medium.Start(request);
    }
}
