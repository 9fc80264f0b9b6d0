using Microsoft.Win32.SafeHandles;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>One thread that feeds io_uring: the disk gets many requests at once, and one system call submits all that have
/// gathered.</summary>
internal sealed class UringEngine : IoEngine
{
    private readonly UringLoop _loop;
    private readonly Thread _thread;

    private UringEngine(UringLoop loop)
    {
        _loop = loop;
        // The thread runs a method of the loop, not of the engine, which it must not keep alive.
        try
        {
            _thread = Threading.Threads.Start(_loop.Run, "Paging io_uring", "swap files need one to feed io_uring", stackBytes: 256 << 10);
        }
        catch
        {
            GC.SuppressFinalize(this);
            _loop.Dispose();
            throw;
        }
    }

    ~UringEngine() => _loop.Stop();

    internal override IoEngineKind Kind => IoEngineKind.Uring;

    internal override IReadOnlyList<Thread> Threads => [_thread];

    /// <summary>Makes an engine, if the system allows it.</summary>
    /// <returns>0 or an error number: EPERM or ENOSYS where io_uring is forbidden.</returns>
    internal static int TryCreate(out UringEngine? engine)
    {
        engine = null;
        int error = UringLoop.TryCreate(out UringLoop? loop);
        if (loop is null)
        {
            return error;
        }

        var created = new UringEngine(loop);
        // A sandbox may allow a process to set rings up, and forbid it to use them.
        error = loop.WaitForStart();
        if (error != 0)
        {
            created.Dispose();
            return error;
        }

        engine = created;
        return 0;
    }

    internal override void Submit(SafeFileHandle file, IoRequest request)
    {
        _loop.Enqueue(file, request);
        GC.KeepAlive(this);
    }

    public override void Dispose()
    {
        _loop.Stop();
        GC.SuppressFinalize(this);
        Uninterrupted.Join(_thread);
    }
}
