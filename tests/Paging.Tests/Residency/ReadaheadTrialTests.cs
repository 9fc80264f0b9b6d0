using Paging.Residency;

namespace Paging.Tests.Residency;

/// <summary>Whether reading ahead pays is found out by trying, from the time that readers take.</summary>
public class ReadaheadTrialTests
{
    private long _steps;
    private double _time;

    [Theory]
    [InlineData(1.0, 0.5)]
    [InlineData(1.0, 0.9)]
    [InlineData(4.0, 2.5)]
    public void Where_it_is_faster_it_stays_on_except_for_a_try_now_and_then(double alone, double ahead) =>
        Assert.InRange(ShareOn(default, 400, alone, ahead), 0.9, 1);

    [Theory]
    [InlineData(1.0, 2.0)]
    [InlineData(1.0, 1.2)]
    public void Where_it_is_slower_it_is_off_except_for_a_try_now_and_then(double alone, double ahead) =>
        Assert.InRange(ShareOn(default, 400, alone, ahead), 0, 0.15);

    [Fact]
    public void It_follows_a_change_both_ways()
    {
        var trial = default(ReadaheadTrial);
        Run(ref trial, 100, alone: 1, ahead: 2);
        Assert.InRange(Run(ref trial, 100, alone: 1, ahead: 0.5), 0.75, 1);
        Assert.InRange(Run(ref trial, 100, alone: 1, ahead: 2), 0, 0.25);
    }

    [Fact]
    public void Noise_and_pauses_do_not_turn_it_off_for_long()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var trial = default(ReadaheadTrial);
            double share = Run(ref trial, 1000, 1, 0.6, () => random.Next(20) == 0 ? 30 : 0.9 + (0.2 * random.NextDouble()));
            Assert.True(share > 0.75, $"seed {seed}: on in {share:P0} of the periods");
        }
    }

    [Fact]
    public void Pages_from_files_are_read_ahead_however_long_it_takes()
    {
        var trial = default(ReadaheadTrial);
        Run(ref trial, 100, alone: 1, ahead: 2);
        for (int i = 0; i < 100; i++)
        {
            trial.NoteFile();
            Assert.True(trial.IsOn);
            Run(ref trial, 1, alone: 1, ahead: 9);
        }
    }

    [Fact]
    public void A_period_has_enough_steps_and_takes_long_enough()
    {
        var trial = default(ReadaheadTrial);
        Assert.True(trial.IsDue(0));
        trial.OnSteps(0, 0);
        Assert.False(trial.IsDue(ReadaheadTrial.MinSteps - 1));
        Assert.True(trial.IsDue(ReadaheadTrial.MinSteps));

        // Too early: the period goes on.
        trial.OnSteps(ReadaheadTrial.MinSteps, ReadaheadTrial.MinMicroseconds - 1);
        Assert.True(trial.IsDue(ReadaheadTrial.MinSteps));
        trial.OnSteps(ReadaheadTrial.MinSteps, ReadaheadTrial.MinMicroseconds);
        Assert.False(trial.IsDue(ReadaheadTrial.MinSteps));
    }

    private double ShareOn(ReadaheadTrial trial, int periods, double alone, double ahead) => Run(ref trial, periods, alone, ahead);

    /// <summary>Lets a reader go on for some periods.</summary>
    /// <param name="trial">The trial.</param>
    /// <param name="periods">How many.</param>
    /// <param name="alone">Microseconds that a step takes without reading ahead.</param>
    /// <param name="ahead">And with it.</param>
    /// <param name="noise">A factor for each period.</param>
    /// <returns>The share of the periods in which it was on.</returns>
    private double Run(ref ReadaheadTrial trial, int periods, double alone, double ahead, Func<double>? noise = null)
    {
        int on = 0;
        for (int i = 0; i < periods; i++)
        {
            on += trial.IsOn ? 1 : 0;
            _steps += 10 * ReadaheadTrial.MinSteps;
            _time += (trial.IsOn ? ahead : alone) * (noise?.Invoke() ?? 1) * 10 * ReadaheadTrial.MinSteps;
            trial.OnSteps(_steps, (long)_time);
        }

        return (double)on / periods;
    }
}
