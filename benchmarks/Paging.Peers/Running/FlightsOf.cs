using System.Globalization;
using Paging.Peers.Workloads;

namespace Paging.Peers.Running;

/// <summary>What one peer's flights over the assets came to, all rounds together.</summary>
/// <param name="MayWait">Whether it waited for assets that were not in memory, or left them out until they were.</param>
/// <param name="LateFrames">Frames in which something was missing.</param>
/// <param name="Rounds">How long each frame took, in milliseconds.</param>
internal sealed record FlightsOf(string Setting, Peers.Peer Peer, bool MayWait, int Opened, int LateAssets, int LateFrames, double[][] Rounds)
{
    public double[] Sorted { get; } = [.. Rounds.SelectMany(r => r).Order()];

    /// <summary>Frames that took longer than they may.</summary>
    public int Missed => Sorted.Count(t => t > AssetFlight.DeadlineMilliseconds);

    public double At(double share) => Measurement.At(Sorted, share);

    /// <param name="answers">A round each, as <see cref="AssetFlight.Fly"/> makes them.</param>
    public static FlightsOf Parse(string setting, Peers.Peer peer, bool mayWait, IReadOnlyList<string[]> answers) => new(
        setting, peer, mayWait, Sum(answers, 0), Sum(answers, 1), Sum(answers, 2),
        [.. answers.Select(a => a[3..].Select(t => double.Parse(t, CultureInfo.InvariantCulture)).ToArray())]);

    private static int Sum(IReadOnlyList<string[]> answers, int word) => answers.Sum(a => int.Parse(a[word], CultureInfo.InvariantCulture));
}
