using Microsoft.Win32.SafeHandles;

namespace Paging.Swap.Devices;

internal enum IoEngineKind
{
    /// <summary>io_uring, or threads where the system refuses it or the switch <see cref="IoEngine.DisableIoUringSwitch"/> is
    /// set.</summary>
    Auto,
    Uring,
    Threads,
}

/// <summary>Carries out requests on files, several at a time, on threads of its own.</summary>
/// <remarks>Thread-safe. Its threads know the engine's state and what is queued, and nothing of the pager: an engine that is dropped
/// without Dispose is finalized, finishes what is queued, and ends them.</remarks>
internal abstract class IoEngine : IDisposable
{
    internal const string DisableIoUringSwitch = "Paging.DisableIoUring";

    internal abstract IoEngineKind Kind { get; }

    /// <summary>The engine's own threads, which end some time after it is dropped.</summary>
    internal abstract IReadOnlyList<Thread> Threads { get; }

    /// <summary>Starts a transfer of whole blocks. <see cref="IoRequest.Progress"/> says how many.</summary>
    /// <param name="file">Stays open until the request has completed.</param>
    /// <param name="request">Begun, and not yet complete.</param>
    /// <exception cref="ObjectDisposedException">The engine has been disposed; the request is untouched.</exception>
    internal abstract void Submit(SafeFileHandle file, IoRequest request);

    /// <summary>Finishes what is queued, then ends the threads.</summary>
    public abstract void Dispose();

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
