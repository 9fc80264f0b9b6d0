using Paging.Memory;

namespace Paging.Residency;

/// <summary>Decides how much of the way from the floors to the ceilings the budgets go, by how much memory is left. Knows no clock and no
/// pager: each call is a look, once a second.</summary>
/// <remarks>
/// What is left and what the pager has committed, less a reserve for others, is what it may have. Above that, the budgets shrink at
/// once, by a quarter of the way at most each time; under pressure by a sixteenth more. Below it by a margin, for several looks in a row,
/// they grow by a thirty-second each time. In between nothing moves.
/// </remarks>
internal sealed class MemoryShare
{
    /// <summary>Left to others: such a share of all memory, as a shift, and no more than <see cref="MaxReserve"/>.</summary>
    internal const int ReserveShift = 4;
    internal const long MaxReserve = 1L << 30;

    /// <summary>The largest steps.</summary>
    internal const double MaxShrink = 1.0 / 4;
    internal const double MaxGrow = 1.0 / 32;

    private const double ShrinkUnderPressure = 1.0 / 16;

    /// <summary>The budgets grow only if they may be larger by so much.</summary>
    private const double Margin = 1.0 / 16;

    /// <summary>Looks in a row at which they may.</summary>
    internal const int CalmLooks = 5;

    /// <summary>In hundredths: from the one on there is pressure, below the other there is none.</summary>
    internal const double Pressed = 10;
    internal const double Calm = 1;

    private int _calmLooks;

    /// <summary>0 is the floors, 1 the ceilings.</summary>
    internal double Share { get; private set; } = 1;

    /// <summary>Takes a reading into account.</summary>
    /// <param name="reading">What is left, and how pressed.</param>
    /// <param name="committed">What the pager has of memory.</param>
    /// <param name="floor">The sum of the floors.</param>
    /// <param name="ceiling">The sum of the ceilings.</param>
    internal void Look(in MemoryReading reading, long committed, long floor, long ceiling)
    {
        double reserve = Math.Min(reading.TotalBytes >> ReserveShift, MaxReserve);
        double span = Math.Max(1.0, ceiling - floor);
        double may = Math.Clamp((committed + (double)reading.LeftBytes - reserve - floor) / span, 0, 1);
        bool isPressed = reading.Pressure >= Pressed;
        if (may < Share || isPressed)
        {
            _calmLooks = 0;
            double wanted = Math.Min(may, Share) - (isPressed ? ShrinkUnderPressure : 0);
            Share = Math.Max(0, Math.Max(wanted, Share - MaxShrink));
            return;
        }

        // All the way up the margin is less than nothing: the ceilings are reached.
        bool mayGrow = reading.Pressure < Calm && may >= Math.Min(1, Share + Margin);
        _calmLooks = mayGrow ? _calmLooks + 1 : 0;
        if (_calmLooks >= CalmLooks)
        {
            Grow(Math.Min(MaxGrow, may - Share));
        }
    }

    /// <summary>A program is about to be refused for want of room, which the ceilings would give it.</summary>
    /// <returns>False when they are reached.</returns>
    internal bool TryGrowForNeed()
    {
        if (Share >= 1)
        {
            return false;
        }

        Grow(2 * MaxGrow);
        _calmLooks = 0;
        return true;
    }

    /// <summary>The ceilings are new.</summary>
    internal void Reset() => (Share, _calmLooks) = (1, 0);

    /// <summary>A budget between its floor and its ceiling.</summary>
    internal long Of(long floor, long ceiling) =>
        Share >= 1 ? ceiling : Math.Clamp(floor + (long)(Share * (ceiling - floor)), Math.Min(floor, ceiling), ceiling);

    private void Grow(double by) => Share = Math.Min(1, Share + Math.Max(0, by));
}
