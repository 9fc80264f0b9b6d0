using Paging.Diagnostics;

namespace Paging.Residency;

/// <summary>One access on its way through a fault: how it may wait, its place in a line from the first time that it found no frame until it
/// ends, and what the fault tells it (<see cref="NeedsDevice"/>, <see cref="Tier"/>). One thread's; the default value does not wait
/// yet.</summary>
internal unsafe partial struct LeaseWait
{
    /// <summary>What it may wait for.</summary>
    internal FaultManner Manner;

    /// <summary>Whether an access that must not wait for a device would have had to.</summary>
    internal bool NeedsDevice;

    /// <summary>The frames that it has in hand, if it brings in several pages. They lie on the caller's stack.</summary>
    internal FrameBatch* Frames;

    /// <summary>Its place in the line; 0 when it is in none.</summary>
    internal long Ticket;

    /// <summary>Signals seen before the last look at the frames.</summary>
    internal long Seen;

    /// <summary>When it joined the line, by the pager's clock.</summary>
    internal long Since;

    /// <summary>How many more leases it makes sense to wait for.</summary>
    internal long Left;

    /// <summary>Whether the program has asked for the page by itself, ahead of demand.</summary>
    internal bool IsAsked;

    /// <summary>How often a thread that must not wait has looked.</summary>
    internal int Looks;

    /// <summary>How often a joint access has tried in its turn since a lease last ended.</summary>
    internal int Tries;

    /// <summary>How often a joint access has looked as the first in line, since it came there last.</summary>
    internal int Turns;

    /// <summary>How often a joint access has let those behind it pass, if there were any, since a lease last ended.</summary>
    internal int Passes;

    /// <summary>Where the page that it brought in was.</summary>
    internal FaultTier Tier;

    /// <summary>When its first look for the page began that brings it in; 0 when nobody wants to know.</summary>
    internal long Began;

    /// <summary>Whether no lease has ended for the longest time that it waits. Then it looks a last time.</summary>
    internal bool IsOver;

    internal readonly bool IsInLine => Ticket != 0;

    /// <summary>Whether it asks to be woken by the ends of the leases that it finds. Not while it has pages pinned: it would find its
    /// own.</summary>
    internal readonly bool Marks => IsInLine && !IsHolding;

    /// <summary>Whether it must not wait for a device.</summary>
    internal readonly bool IsAtHand => Manner == FaultManner.AtHand;

    /// <summary>Whether a page that it brings in is pinned for it.</summary>
    internal readonly bool Pins => Manner is not (FaultManner.Requested or FaultManner.Ahead);
}
