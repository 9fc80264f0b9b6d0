using System.Numerics;

namespace Paging.Benchmarks.Traces.Checks;

/// <summary>The most hits that any choice of victims can have: for every set of pages that can be resident, the most so far.</summary>
internal static class BestOfAll
{
    public static int Hits(Trace trace, int frames)
    {
        Dictionary<uint, int> most = new() { [0] = 0 };
        foreach (int page in trace.Accesses)
        {
            uint bit = 1u << page;
            Dictionary<uint, int> next = [];
            foreach ((uint resident, int hits) in most)
            {
                if ((resident & bit) != 0)
                {
                    Raise(next, resident, hits + 1);
                }
                else if (BitOperations.PopCount(resident) < frames)
                {
                    Raise(next, resident | bit, hits);
                }
                else
                {
                    for (uint rest = resident; rest != 0; rest &= rest - 1)
                    {
                        uint victim = rest & (0 - rest);
                        Raise(next, (resident & ~victim) | bit, hits);
                    }
                }
            }

            most = next;
        }

        return most.Values.Max();
    }

    private static void Raise(Dictionary<uint, int> most, uint resident, int hits) =>
        most[resident] = Math.Max(hits, most.GetValueOrDefault(resident));
}
