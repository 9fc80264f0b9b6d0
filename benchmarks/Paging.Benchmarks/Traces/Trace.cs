using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Traces;

/// <summary>The order in which pages were accessed, with the pages numbered by their first access, so that policies can use
/// arrays.</summary>
internal sealed class Trace
{
    private Trace(string name, int[] accesses, int distinctPages)
    {
        Name = name;
        Accesses = accesses;
        DistinctPages = distinctPages;
    }

    public string Name { get; }

    public int[] Accesses { get; }

    public int DistinctPages { get; }

    public static Trace From(string name, IEnumerable<long> numbers)
    {
        Dictionary<long, int> pages = [];
        List<int> accesses = [];
        foreach (long number in numbers)
        {
            ref int page = ref CollectionsMarshal.GetValueRefOrAddDefault(pages, number, out bool isKnown);
            if (!isKnown)
            {
                page = pages.Count - 1;
            }

            accesses.Add(page);
        }

        return new Trace(name, [.. accesses], pages.Count);
    }
}
