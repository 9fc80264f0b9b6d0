using System.Diagnostics;

namespace Paging.TestSeam;

/// <summary>Counts the transitions of a state word, so that tests can show which of them they reached.</summary>
internal sealed class Transitions(int states)
{
#if PAGING_TEST_HOOKS
    private readonly long[] _counts = new long[states * states];

    internal long this[int from, int to] => Volatile.Read(ref _counts[(from * states) + to]);

    [Conditional("PAGING_TEST_HOOKS")]
    internal void Record(ulong from, ulong to) => Interlocked.Increment(ref _counts[((int)from * states) + (int)to]);
#else
    private readonly int _states = states;

    [Conditional("PAGING_TEST_HOOKS")]
    internal void Record(ulong from, ulong to) => Debug.Assert((int)from < _states && (int)to < _states);
#endif
}
