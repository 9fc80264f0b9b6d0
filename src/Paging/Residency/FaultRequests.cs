using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Pages that somebody wants and does not wait for, each once. Who finds no room for another is refused, and will ask
/// again.</summary>
/// <remarks>
/// A few places that are chosen by the page, so that asking twice for one finds the first request, and that are emptied one after
/// the other, so that none waits longer than a round. Nothing here blocks or allocates. A place's word says whose it is:
/// <code>
/// Free ──CAS──▶ Held (by who asks) ──release──▶ Full ──CAS──▶ Held (by who serves) ──release──▶ Free
/// </code>
/// The other fields belong to the holder. Who looks for an equal request reads them without holding: what it sees may be over, and then it
/// asks in vain once.
/// </remarks>
internal sealed class FaultRequests
{
    /// <summary>A power of two.</summary>
    internal const int Places = 64;

    /// <summary>How many places a page may be in.</summary>
    internal const int PlacesOfAPage = 4;

    private const int Free = 0;
    private const int Held = 1;
    private const int Full = 2;

    private readonly Place[] _places = new Place[Places];

    /// <summary>Full places; for a moment one less, after a place was emptied and before the thread that has filled it has counted
    /// it.</summary>
    private int _count;

    /// <summary>Counts looks at places. By whoever serves.</summary>
    private int _hand;

    internal bool IsAny => Shared.Read(SharedWord.FaultRequest, ref _count) > 0;

    /// <summary>Asks for a page. The caller then wakes a thread that serves.</summary>
    /// <returns>False when there is no room, or the page was asked for already.</returns>
    internal bool TryAdd(PagedRegion region, long page)
    {
        uint first = (uint)(((ulong)page * 0x9E3779B97F4A7C15 >> 40) + ((ulong)region.PolicyNumber * 7));
        for (uint i = 0; i < PlacesOfAPage; i++)
        {
            ref Place place = ref _places[(first + i) & (Places - 1)];
            int state = Shared.Read(SharedWord.FaultRequest, ref place.State);
            if (state == Full && Volatile.Read(ref place.Page) == page && ReferenceEquals(Volatile.Read(ref place.Region), region))
            {
                return false;
            }

            // Free → Held: races with others that ask.
            if (state == Free && Shared.CompareExchange(SharedWord.FaultRequest, ref place.State, Held, Free) == Free)
            {
                Volatile.Write(ref place.Region, region);
                Volatile.Write(ref place.Page, page);
                Shared.Write(SharedWord.FaultRequest, ref place.State, Full);
                Shared.Increment(SharedWord.FaultRequest, ref _count);
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes a request, to serve it.</summary>
    internal bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PagedRegion? region, out long page)
    {
        region = null;
        page = 0;
        for (int i = 0; i < Places && IsAny; i++)
        {
            ref Place place = ref _places[Shared.Increment(SharedWord.FaultRequest, ref _hand) & (Places - 1)];

            // Full → Held: races with others that serve.
            if (Shared.Read(SharedWord.FaultRequest, ref place.State) == Full
                && Shared.CompareExchange(SharedWord.FaultRequest, ref place.State, Held, Full) == Full)
            {
                region = place.Region!;
                page = place.Page;

                // Or a dropped array would stay for as long as nobody asks for anything.
                Volatile.Write(ref place.Region, null);
                Shared.Write(SharedWord.FaultRequest, ref place.State, Free);
                Shared.Decrement(SharedWord.FaultRequest, ref _count);
                return true;
            }
        }

        return false;
    }

    private struct Place
    {
        internal int State;
        internal PagedRegion? Region;
        internal long Page;
    }
}
