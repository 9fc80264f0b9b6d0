namespace Paging.Residency;

/// <summary>What an access may wait for, and whether the page is pinned for it.</summary>
internal enum FaultManner
{
    /// <summary>Whatever it takes: waits for other threads' leases to end, too.</summary>
    Patient,

    /// <summary>Whatever it takes, but no waiting for leases: on a thread that others depend on.</summary>
    Impatient,

    /// <summary>As <see cref="Impatient"/>, for an access that has pages pinned already: it is told that there is no frame, and not refused
    /// (see <see cref="JointAccess"/>).</summary>
    Holding,

    /// <summary>As <see cref="Impatient"/>, for somebody who will ask again: the page comes into a frame and is not pinned.</summary>
    Requested,

    /// <summary>Waits for no device. What cannot be had without one is left to another thread.</summary>
    AtHand,

    /// <summary>Ahead of demand: not pinned, and given up as soon as no frame comes easily.</summary>
    Ahead,
}
