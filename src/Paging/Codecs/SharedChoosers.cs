using Paging.Threading;

namespace Paging.Codecs;

/// <summary>The choosers that arrays share until they have stored a few pages: one for each size of element and goal.</summary>
/// <remarks>A chooser takes four kilobytes: too much for an array of one page, of which there may be a hundred thousand. Such arrays are
/// often tiles or chunks of one thing, and learn from one another what none of them could learn from its own page.</remarks>
internal sealed class SharedChoosers
{
    /// <summary>Guards the dictionary.</summary>
    private readonly Gate _gate = new();

    /// <summary>By size of element (high half) and goal: one number, for which the base library has a dictionary compiled.</summary>
    private readonly Dictionary<long, FilterChooser> _choosers = [];

    /// <summary>The chooser for arrays of such elements with this goal, made on first use.</summary>
    internal FilterChooser For(int elementBytes, CompressionGoal goal)
    {
        long key = ((long)elementBytes << 32) | (uint)goal;
        using Gate.Scope held = _gate.Enter();
        if (!_choosers.TryGetValue(key, out FilterChooser? chooser))
        {
            chooser = new FilterChooser(elementBytes);
            _choosers.Add(key, chooser);
        }

        return chooser;
    }
}
