namespace Paging.Peers.Running;

/// <summary>The rounds of one peer at one workload: rows a second.</summary>
internal sealed record Measurement(string Setting, string Workload, Peers.Peer Peer, double[] Rates)
{
    public double Rate { get; } = Median(Rates);

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The least value that so large a share is not above.</summary>
    public static double At(double[] sorted, double share) =>
        sorted.Length == 0 ? double.NaN : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];

    /// <summary>The median over rounds of this one's rate over the other's, and the lowest and highest: both ran minutes apart at most.</summary>
    public (double Median, double Lowest, double Highest) Over(Measurement other)
    {
        double[] ratios = [.. Rates.Zip(other.Rates, (mine, its) => mine / its)];
        return (Median(ratios), ratios.Min(), ratios.Max());
    }
}

/// <summary>What is wanted of this library against the best of the peers, or at most behind the limit.</summary>
internal sealed record Target(string Setting, string Workload, double OverBest);

/// <summary>A peer in a setting: how it was set up and what it took.</summary>
internal sealed record Setup(string Setting, Peers.Peer Peer, string Settings, double? LoadSeconds, MemoryUse Memory, string State);
