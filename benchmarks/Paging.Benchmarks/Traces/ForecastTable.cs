using System.Globalization;

namespace Paging.Benchmarks.Traces;

/// <summary>What a pager says that more frames would save, beside what they do save: the trace is replayed on arrays of pagers with the
/// frames, and with 25, 50 and 100% more.</summary>
/// <remarks>The pager speaks of its recent faults: of eight turns, or of 512 faults, and of older ones half as much, and so on. So it is
/// asked many times in the course of the trace, and each answer is held against the same faults. Both are averaged, with the faults from
/// one look to the next as weights; faults before the first answer do not count on either side.</remarks>
/// <param name="rests">Whether the forecasts rest, as they do in a pager. Most traces are over before the first rest is, so their
/// accuracy is seen without.</param>
internal sealed class ForecastTable(bool rests)
{
    private const int Looks = 256;
    private const int NameWidth = 22;
    private const int LeastWindow = 512;
    private const int TurnsOfWindow = 8;

    private static readonly double[] s_factors = [1, 1.25, 1.5, 2];

    private readonly List<double> _errors = [];
    private double _lookErrors;
    private double _lookWeights;

    public void Begin()
    {
        string columns = string.Concat(s_factors.Skip(1).Select(factor => $"   {100 * (factor - 1),3:0}% more: said  saved"));
        Console.WriteLine($"{"trace",-NameWidth} {"frames",7} {"faults",8} {"counted",8}{columns}");
    }

    public void Add(Trace trace, int frames)
    {
        ArrayReplay[] replays =
            [.. s_factors.Select(factor => new ArrayReplay((int)Math.Round(frames * factor), trace.DistinctPages, rests))];
        double[] faults = new double[s_factors.Length];
        double[] recent = new double[s_factors.Length];
        double[] said = new double[s_factors.Length];
        double[] saved = new double[s_factors.Length];
        double window = Math.Max(LeastWindow, TurnsOfWindow * (double)frames);
        long all = 0;
        foreach (int[] accesses in trace.Accesses.Chunk(Math.Max(1, (trace.Accesses.Length / Looks) + 1)))
        {
            long[] chunk = [.. replays.Select(replay => replay.Replay(accesses))];
            (double plus25, double plus50, double plus100) = replays[0].FaultsSaved;
            all += chunk[0];
            for (int i = 0; i < s_factors.Length; i++)
            {
                recent[i] += chunk[i];
            }

            double decay = recent[0] >= window ? 0.5 : 1;
            recent = [.. recent.Select(count => count * decay)];
            if (double.IsNaN(plus25))
            {
                continue;
            }

            double[] shares = [0, plus25, plus50, plus100];
            for (int i = 0; i < s_factors.Length; i++)
            {
                faults[i] += chunk[i];
                said[i] += shares[i] * chunk[0];
                saved[i] += (1 - (recent[i] / recent[0])) * chunk[0];
                if (i > 0)
                {
                    _lookErrors += chunk[0] * Math.Abs(shares[i] - (1 - (recent[i] / recent[0])));
                    _lookWeights += chunk[0];
                }
            }
        }

        Array.ForEach(replays, replay => replay.Dispose());
        string line = $"{trace.Name,-NameWidth} {frames,7} {all,8} {faults[0],8}";
        for (int i = 1; i < s_factors.Length; i++)
        {
            double forecast = said[i] / faults[0];
            double saving = saved[i] / faults[0];
            line += $"            {Percent(forecast)}  {Percent(saving)}";
            if (faults[0] > 0)
            {
                _errors.Add(Math.Abs(forecast - saving));
            }
        }

        Console.WriteLine(line);
    }

    public void End() => Console.WriteLine(_errors.Count == 0
        ? "Nothing was said: too few faults."
        : $"absolute error in points: mean {Percent(_errors.Average()).Trim()}, largest {Percent(_errors.Max()).Trim()}, of {_errors.Count}" +
            $"; of one look: mean {Percent(_lookErrors / _lookWeights).Trim()}");

    private static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture).PadLeft(5);
}
