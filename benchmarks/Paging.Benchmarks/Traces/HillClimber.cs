namespace Paging.Benchmarks.Traces;

/// <summary>How large the window of <see cref="WindowTinyLfu"/> should be (Einziger, Eytan, Friedman and Manes, "Adaptive Software Cache
/// Management", Middleware '18), with the constants of Caffeine 2.7.</summary>
/// <remarks>After every ten accesses a frame it takes a step: on, when the hit ratio did not fall, else back. Steps begin at a sixteenth of
/// the frames, shrink by 2% each time, and begin anew when the hit ratio has changed by 5 points.</remarks>
internal sealed class HillClimber(int frames)
{
    private const int SampleOfFrame = 10;
    private const double FirstStep = 0.0625;
    private const double Decay = 0.98;
    private const double RestartAt = 0.05;

    private double _step = -FirstStep * frames;
    private double _lastRatio;
    private int _hits;
    private int _accesses;

    /// <returns>By how many frames the window should grow, or shrink if negative.</returns>
    public int Observe(bool isHit)
    {
        _hits += isHit ? 1 : 0;
        if (++_accesses < SampleOfFrame * frames)
        {
            return 0;
        }

        double ratio = (double)_hits / _accesses;
        double change = ratio - _lastRatio;
        double amount = change >= 0 ? _step : -_step;
        _step = Math.Abs(change) >= RestartAt ? FirstStep * frames * (amount >= 0 ? 1 : -1) : Decay * amount;
        (_lastRatio, _hits, _accesses) = (ratio, 0, 0);
        return (int)amount;
    }
}
