using Microsoft.Win32.SafeHandles;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A few threads that read and write, and block meanwhile. This works wherever files work.</summary>
internal sealed class ThreadEngine : IoEngine
{
    /// <summary>A disk is fast when it has many requests at once, and a thread that blocks takes no processor. So the number does not
    /// depend on how many processors there are.</summary>
    internal const int DefaultThreads = 16;

    private readonly Loop _loop = new();
    private readonly Thread[] _threads;

    internal ThreadEngine(int threads = DefaultThreads)
    {
        _threads = new Thread[threads];
        try
        {
            for (int i = 0; i < threads; i++)
            {
                _threads[i] = _loop.StartThread(
                    $"Paging I/O {i}", $"swap files without io_uring need {threads:N0} to read and write, of which {i:N0} have started");
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    ~ThreadEngine() => _loop.Stop();

    internal override IoEngineKind Kind => IoEngineKind.Threads;

    internal override IReadOnlyList<Thread> Threads => _threads;

    internal override void Submit(SafeFileHandle file, IoRequest request)
    {
        request.File = file;
        bool added = _loop.TryAdd(request);
        GC.KeepAlive(this);
        if (!added)
        {
            request.File = null;
            throw new ObjectDisposedException(typeof(ThreadEngine).FullName);
        }
    }

    public override void Dispose()
    {
        _loop.Stop();
        GC.SuppressFinalize(this);
        foreach (Thread? thread in _threads)
        {
            // Null if the system has refused it.
            if (thread is not null)
            {
                Uninterrupted.Join(thread);
            }
        }
    }

    private sealed class Loop : RequestLoop
    {
        protected override unsafe void Process(IoRequest request)
        {
            int descriptor = (int)request.File!.DangerousGetHandle();
            request.Complete(
                BlockingTransfer.Continue(descriptor, request.Operation, request.Buffer, request.Offset, ref request.Progress));
        }
    }
}
