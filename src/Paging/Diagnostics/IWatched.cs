namespace Paging.Diagnostics;

/// <summary>What meters show of a pager.</summary>
internal interface IWatched
{
    /// <summary>Tells it apart from others in metrics and events.</summary>
    string Name { get; }

    /// <summary>Takes a snapshot. By any thread.</summary>
    /// <returns>False when the pager is disposed: it has no figures any more.</returns>
    bool TryRead(out PagerStatistics statistics);
}
