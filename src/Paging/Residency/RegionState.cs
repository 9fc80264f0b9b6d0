using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>How far the closing of an array has come.</summary>
/// <remarks>
/// Open → Closing (the flag is up, no pin will be taken and kept) → Closed, or back to Open when leases are out. A pinner sets its pin,
/// then checks the flag. A closer sets the flag, passes a fence that works against every pinner's CAS
/// (<see cref="Fences.AgainstInterlocked"/>), and then looks for pins. So one of them sees the other (rule 4). Taking the pages down, the sweep, comes after Closed.
///
/// A field of <see cref="PageDirectory"/>, which looks at it after it has locked a granule. Never copied.
/// </remarks>
internal partial struct RegionState
{
    private const int Open = 0;
    private const int Closing = 1;
    private const int Closed = 2;

    private const int NotSwept = 0;
    private const int Sweeping = 1;
    private const int Swept = 2;

    private int _state;

    /// <summary>How far taking the pages down has come. One thread does it at a time, and a later one takes up what an exception cut
    /// short.</summary>
    private int _sweep;

    private IRegionFace? _face;

    internal bool IsClosing => Shared.Read(SharedWord.ArrayState, ref _state) != Open;

    internal bool IsClosed => Shared.Read(SharedWord.ArrayState, ref _state) == Closed;

    /// <summary>Whether the region is closed, and an exception came before everything that it held was given back.</summary>
    internal bool IsUnswept => IsClosed && Volatile.Read(ref _sweep) == NotSwept;

    /// <summary>What has fast paths of its own to be stopped, and is named by exceptions; null while the region is being made.</summary>
    internal readonly IRegionFace? Face => _face;

    internal void SetFace(IRegionFace face) => _face = face;

    /// <summary>Open → Closing. One thread wins; the caller owes a <see cref="Fences.AgainstInterlocked"/> before it looks at pins.</summary>
    internal bool TryBeginClose()
    {
        if (Shared.CompareExchange(SharedWord.ArrayState, ref _state, Closing, Open) != Open)
        {
            return false;
        }

        _face?.SetOpen(false);
        return true;
    }

    /// <summary>As <see cref="TryBeginClose"/>, but waits for another thread to decide. False when the region is closed.</summary>
    internal bool BeginClose()
    {
        Spinner spinner = default;
        while (!TryBeginClose())
        {
            if (IsClosed)
            {
                return false;
            }

            spinner.Once();
        }

        return true;
    }

    /// <summary>Closing → Open, by the thread that began.</summary>
    internal void AbandonClose()
    {
        TestHook.Reach(SharedWord.ArrayState);
        // In this order: once the state says Open, another thread may set the limit to zero again.
        _face?.SetOpen(true);
        Volatile.Write(ref _state, Open);
    }

    /// <summary>Closing → Closed, by the thread that began or that sweeps.</summary>
    internal void SetClosed() => Volatile.Write(ref _state, Closed);

    /// <summary>NotSwept → Sweeping. Races with another Dispose that takes up what an exception cut short.</summary>
    internal bool TryBeginSweep() => Shared.CompareExchange(SharedWord.ArrayState, ref _sweep, Sweeping, NotSwept) == NotSwept;

    /// <summary>Sweeping → Swept, or back to NotSwept, by the thread that began.</summary>
    internal void EndSweep(bool complete) => Volatile.Write(ref _sweep, complete ? Swept : NotSwept);
}
