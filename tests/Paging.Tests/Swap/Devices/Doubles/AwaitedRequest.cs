using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Tests.Swap.Devices.Doubles;

/// <summary>A transfer that a thread may wait for. The library never does: its owners go on when they are told.</summary>
#pragma warning disable CA1852 // Tests derive from it, benchmarks do not.
internal class AwaitedRequest : IoRequest
{
    private readonly Condition _released = new();

    /// <summary>Blocks the thread until the transfer has completed.</summary>
    internal void Wait()
    {
        bool interrupted = false;
        _released.Enter(ref interrupted);
        while (!IsComplete)
        {
            _released.Wait(ref interrupted);
        }

        _released.Exit(interrupted);
    }

    protected override void OnReleased()
    {
        bool interrupted = false;
        _released.Enter(ref interrupted);
        _released.PulseAll();
        _released.Exit(interrupted);
    }
}
