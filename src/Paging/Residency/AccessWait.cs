using Paging.Threading;

namespace Paging.Residency;

/// <summary>How Dispose waits for accesses that are under way. They pin their page for as long as they copy, and end by themselves: to whoever
/// disposes they are no leases. New ones wait meanwhile, since the array is closing.</summary>
/// <remarks>A pin does not say whose it is; the pager knows only how many leases it has in all, and that figure is a moment old. So pins that are
/// more than there are leases are waited for, and others just long enough for an access to end. An access can last where its thread was
/// suspended, or where a listener to metrics is called in it; one that does is told like a lease.</remarks>
/// <param name="domain">The pager's.</param>
internal struct AccessWait(PagingDomain domain)
{
    /// <summary>For pins that may all be leases: so few that to refuse takes no time.</summary>
    private const int MaxRounds = 64;
    private const int MaxMilliseconds = 2;

    /// <summary>For pins that are not leases.</summary>
    private const int MaxMillisecondsOfAccess = 1000;

    private readonly long _start = Environment.TickCount64;
    private Spinner _spinner;
    private int _rounds;

    /// <summary>Counts the leases on arrays that are closing, once accesses under way have ended.</summary>
    /// <param name="domain">The pager's.</param>
    /// <param name="regions">The arrays.</param>
    /// <returns>Accesses that go on and on are among them.</returns>
    internal static long CountLeases(PagingDomain domain, ReadOnlySpan<PagedRegion> regions)
    {
        AccessWait wait = new(domain);
        long pins;
        do
        {
            pins = 0;
            foreach (PagedRegion region in regions)
            {
                pins += region.Closer.CountPins();
            }
        }
        while (wait.Once(pins));
        return pins;
    }

    /// <summary>Waits for a moment, if any pins may be those of accesses.</summary>
    /// <param name="pins">Those that there are.</param>
    /// <returns>False when there are none, or they are to be taken for leases; true when they are to be counted again.</returns>
    private bool Once(long pins)
    {
        if (pins == 0)
        {
            return false;
        }

        bool areLeases = pins <= domain.Leases;
        long waited = Environment.TickCount64 - _start;
        if (waited >= MaxMillisecondsOfAccess || (areLeases && (waited >= MaxMilliseconds || _rounds >= MaxRounds)))
        {
            return false;
        }

        _rounds++;
        _spinner.Once();
        return true;
    }
}
