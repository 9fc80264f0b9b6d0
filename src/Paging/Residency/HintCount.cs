using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>Bounds the prefetches that nobody awaits: who does not wait for them would not notice how many there are.</summary>
internal sealed class HintCount
{
    private const int Max = 64;

    private int _count;

    /// <summary>Counts one more. Its operation owes a <see cref="Remove"/>.</summary>
    internal bool TryAdd()
    {
        if (Shared.Increment(SharedWord.Counter, ref _count) <= Max)
        {
            return true;
        }

        Remove();
        return false;
    }

    internal void Remove() => Shared.Decrement(SharedWord.Counter, ref _count);
}
