using Microsoft.Win32.SafeHandles;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>One thread that feeds io_uring: as deep as the disk likes, at one system call for all that has gathered.</summary>
internal sealed class UringEngine : IoEngine
{
    private readonly UringLoop _loop;
    private readonly Thread _thread;

    private UringEngine(UringLoop loop)
    {
        _loop = loop;
        // A method of the loop: the thread must not keep the engine alive.
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
        // A sandbox may allow to set rings up, and forbid to use them.
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
