using Paging.Threading;

namespace Paging.Codecs;

/// <summary>The choosers that arrays share until they have stored a few pages: one for each size of element and goal.</summary>
/// <remarks>A chooser takes four kilobytes: too much for an array of one page, of which there may be a hundred thousand. Such arrays are
/// often tiles or chunks of one thing, and learn from one another what none of them could learn from its own page.</remarks>
internal sealed class SharedChoosers
{
    /// <summary>Guards the dictionary.</summary>
    private readonly Gate _gate = new();
    private readonly Dictionary<(int ElementBytes, CompressionGoal Goal), FilterChooser> _choosers = [];

    /// <summary>The chooser for arrays of such elements with this goal, made on first use.</summary>
    internal FilterChooser For(int elementBytes, CompressionGoal goal)
    {
        _gate.Enter();
        try
        {
            if (!_choosers.TryGetValue((elementBytes, goal), out FilterChooser? chooser))
            {
                chooser = new FilterChooser(elementBytes);
                _choosers.Add((elementBytes, goal), chooser);
            }

            return chooser;
        }
        finally
        {
            _gate.Exit();
        }
    }
}
