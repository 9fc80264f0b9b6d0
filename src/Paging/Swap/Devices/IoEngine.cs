using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;

namespace Paging.Swap.Devices;

/// <summary>How requests are carried out.</summary>
internal enum IoEngineKind
{
    /// <summary>io_uring, or threads where the system refuses it or the switch <see cref="IoEngine.DisableIoUringSwitch"/> is
    /// set.</summary>
    Auto,

    /// <summary>io_uring, fed by one thread.</summary>
    Uring,

    /// <summary>A few threads that block.</summary>
    Threads,
}

/// <summary>Carries out requests on files, several at a time, on threads of its own.</summary>
/// <remarks>Thread-safe. The threads of an engine know its state and what is queued, but not the pager. So an engine that is dropped
/// without Dispose is finalized: it finishes what is queued, and ends its threads.</remarks>
internal abstract class IoEngine : IDisposable
{
    /// <summary>The switch by which a program avoids io_uring.</summary>
    internal const string DisableIoUringSwitch = "Paging.DisableIoUring";

    private readonly ConcurrentDictionary<ulong, LongReadWindow> _windows = new();

    internal abstract IoEngineKind Kind { get; }

    /// <summary>The threads of the engine. They end some time after it is dropped.</summary>
    internal abstract IReadOnlyList<Thread> Threads { get; }

    /// <summary>The window of the file system that a file lies on.</summary>
    internal LongReadWindow WindowOf(SafeFileHandle file) =>
        _windows.GetOrAdd(LongReadWindow.FileSystemOf((int)file.DangerousGetHandle()), static _ => new LongReadWindow(TimeProvider.System));

    /// <summary>Starts a transfer of whole blocks, as many as <see cref="IoRequest.Progress"/> says.</summary>
    /// <param name="file">A file that stays open until the request has completed.</param>
    /// <param name="request">A request that has begun, and is not complete.</param>
    /// <exception cref="ObjectDisposedException">The engine has been disposed of; the request is as it was.</exception>
    internal abstract void Submit(SafeFileHandle file, IoRequest request);

    /// <summary>Finishes what is queued, then ends the threads.</summary>
    public abstract void Dispose();

    /// <summary>Makes an engine.</summary>
    /// <exception cref="PlatformNotSupportedException">io_uring was asked for, and the system refuses it.</exception>
    internal static IoEngine Create(IoEngineKind kind)
    {
        bool isDisabled = AppContext.TryGetSwitch(DisableIoUringSwitch, out bool set) && set;
        if (kind == IoEngineKind.Threads || (kind == IoEngineKind.Auto && isDisabled))
        {
            return new ThreadEngine();
        }

        int error = UringEngine.TryCreate(out UringEngine? uring);
        if (uring is not null)
        {
            return uring;
        }

        return kind == IoEngineKind.Auto
            ? new ThreadEngine()
            : throw new PlatformNotSupportedException(
                $"The system refuses io_uring (errno {error}), as containers often do. Let the engine be chosen, or choose threads.");
    }
}
