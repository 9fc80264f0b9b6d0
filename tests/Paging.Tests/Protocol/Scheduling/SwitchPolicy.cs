namespace Paging.Tests.Protocol;

/// <summary>Decides at each step which of the threads that can run goes on.</summary>
internal abstract class SwitchPolicy
{
    /// <summary>Some seeds walk at random, some switch mostly at one kind of word, some switch rarely: a bug that needs three threads
    /// in a knot is found by the first, a narrow window by the second, and one that needs a thread to stand still while another
    /// does a great deal by the last.</summary>
    internal static SwitchPolicy For(Dice dice, int lanes) => dice.Below(3) switch
    {
        0 => new RandomWalk(dice, favourite: -1),
        1 => new RandomWalk(dice, favourite: dice.Below(MostWords)),
        _ => new PriorityPolicy(dice, lanes),
    };

    internal const int MostWords = 16;

    /// <param name="current">Who runs now, or −1 when that thread cannot go on.</param>
    /// <param name="canRun">By thread; at least one.</param>
    /// <param name="word">The kind of word that the current one has come to.</param>
    /// <param name="yields">The current one waits for something that another has to do.</param>
    internal abstract int Next(int current, ReadOnlySpan<bool> canRun, int word, bool yields);

    /// <summary>At each step, with a probability fixed for the run, the turn goes to any other thread; at words of a favourite kind
    /// every other time, and seldom elsewhere.</summary>
    private sealed class RandomWalk(Dice dice, int favourite) : SwitchPolicy
    {
        private readonly int _meanRun = favourite < 0 ? 1 << (1 + dice.Below(5)) : 16 << dice.Below(3);

        internal override int Next(int current, ReadOnlySpan<bool> canRun, int word, bool yields)
        {
            if (current >= 0 && !yields && !dice.OnceIn(word == favourite ? 2 : _meanRun))
            {
                return current;
            }

            int others = 0;
            for (int i = 0; i < canRun.Length; i++)
            {
                others += canRun[i] && i != current ? 1 : 0;
            }

            if (others == 0)
            {
                return current;
            }

            int chosen = dice.Below(others);
            for (int i = 0; ; i++)
            {
                if (canRun[i] && i != current && chosen-- == 0)
                {
                    return i;
                }
            }
        }
    }

    /// <summary>The first in a random order of the threads runs; at a few random steps, and whenever it yields, it becomes the last (PCT: Burckhardt
    /// and others, "A randomized scheduler with probabilistic guarantees of finding bugs").</summary>
    private sealed class PriorityPolicy : SwitchPolicy
    {
        private readonly int[] _priority;
        private readonly int[] _changes;
        private int _lowest;
        private int _step;

        internal PriorityPolicy(Dice dice, int lanes)
        {
            _priority = new int[lanes];
            for (int i = 1; i < lanes; i++)
            {
                int other = dice.Below(i + 1);
                _priority[i] = _priority[other];
                _priority[other] = i;
            }

            int horizon = 8 << dice.Below(7);
            _changes = new int[1 + dice.Below(4)];
            for (int i = 0; i < _changes.Length; i++)
            {
                _changes[i] = dice.Below(horizon);
            }
        }

        internal override int Next(int current, ReadOnlySpan<bool> canRun, int word, bool yields)
        {
            if (current >= 0 && (yields | Array.IndexOf(_changes, _step++) >= 0))
            {
                _priority[current] = --_lowest;
            }

            int best = current;
            for (int i = 0; i < canRun.Length; i++)
            {
                if (canRun[i] && (best < 0 || _priority[i] > _priority[best]))
                {
                    best = i;
                }
            }

            return best;
        }
    }
}
