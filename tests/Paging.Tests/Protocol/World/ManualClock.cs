namespace Paging.Tests.Protocol;

/// <summary>Time that goes on when it is told to.</summary>
internal sealed class ManualClock : TimeProvider
{
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>Runs once, in the middle of whatever reads the clock after so many readings more.</summary>
    internal (int After, Action What)? Meanwhile { get; set; }

    public override long GetTimestamp()
    {
        if (Meanwhile is (int after, Action what))
        {
            Meanwhile = after == 0 ? null : (after - 1, what);
            if (after == 0)
            {
                what();
            }
        }

        return _now;
    }

    internal void Advance(TimeSpan span) => _now += span.Ticks;
}
