using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using Paging.Diagnostics;

namespace Paging.Swap.Devices;

/// <summary>A few threads that read and write, each blocking: works wherever files do.</summary>
internal sealed class ThreadEngine : IoEngine
{
    /// <summary>Depth is what a disk wants, and a blocked thread costs no processor: not a matter of cores.</summary>
    internal const int DefaultThreads = 16;

    private const int StackBytes = 256 << 10;

    private readonly State _state = new();
    private readonly Thread[] _threads;

    internal ThreadEngine(int threads = DefaultThreads)
    {
        _threads = new Thread[threads];
        try
        {
            for (int i = 0; i < threads; i++)
            {
                // A method of the state: the thread must not keep the engine alive.
                _threads[i] = new Thread(_state.Run, StackBytes) { IsBackground = true, Name = $"Paging I/O {i}" };
                _threads[i].UnsafeStart();
            }
        }
        catch
        {
            _state.Stop();
            GC.SuppressFinalize(this);
            throw;
        }
    }

    ~ThreadEngine() => _state.Stop();

    internal override IoEngineKind Kind => IoEngineKind.Threads;

    internal override IReadOnlyList<Thread> Threads => _threads;

    internal override void Submit(SafeFileHandle file, IoRequest request)
    {
        _state.Enqueue(file, request);
        GC.KeepAlive(this);
    }

    public override void Dispose()
    {
        _state.Stop();
        GC.SuppressFinalize(this);
        foreach (Thread thread in _threads)
        {
            Uninterrupted.Join(thread);
        }
    }

    private sealed class State
    {
        private readonly Condition _work = new();

        // Both under the lock.
        private IoQueue _queue;
        private bool _stopped;

        internal void Enqueue(SafeFileHandle file, IoRequest request)
        {
            bool interrupted = false;
            _work.Enter(ref interrupted);
            bool stopped = _stopped;
            if (!stopped)
            {
                request.File = file;
                _queue.Add(request);
                _work.Pulse();
            }

            _work.Exit(interrupted);
            ObjectDisposedException.ThrowIf(stopped, typeof(ThreadEngine));
        }

        internal void Stop()
        {
            bool interrupted = false;
            _work.Enter(ref interrupted);
            _stopped = true;
            _work.PulseAll();
            _work.Exit(interrupted);
        }

        internal void Run()
        {
            while (TryStep())
            {
            }
        }

        // Not inlined, so that no request, and with it no pager, lives on this thread's stack while it sleeps.
        [MethodImpl(MethodImplOptions.NoInlining)]
        private bool TryStep()
        {
            bool interrupted = false;
            _work.Enter(ref interrupted);
            while (_queue.IsEmpty && !_stopped)
            {
                _work.Wait(ref interrupted);
            }

            IoRequest? request = _queue.Take();
            _work.Exit(interrupted);
            if (request is null)
            {
                return false;
            }

            Process(request);
            return true;
        }

        private static unsafe void Process(IoRequest request)
        {
            int descriptor = (int)request.File!.DangerousGetHandle();
            request.Complete(BlockingTransfer.Continue(descriptor, request.Operation, request.Buffer, request.Offset, ref request.Progress));
        }
    }
}
