namespace Paging.Tests.Architecture;

/// <summary>The layers of the library, a folder each: each may use only those before it. docs/architecture.md has the same table.</summary>
internal static class LayerOrder
{
    /// <summary>What stands in no folder.</summary>
    internal const string Face = "(root)";

    internal static readonly string[] Folders =
    [
        "Interop", "TestSeam", "Contract", "Threading", "Diagnostics", "Memory", "Codecs/Filters", "Codecs", "Swap/Devices", "Swap", "Residency",
        "Formats", "Datasets", Face,
    ];

    /// <summary>What points upwards, in words.</summary>
    internal static IEnumerable<string> Upward(IEnumerable<TypeUse> uses, IReadOnlyList<string> order)
    {
        Dictionary<string, int> heights = order.Select((folder, height) => (folder, height)).ToDictionary();
        foreach (TypeUse use in uses)
        {
            if (!heights.TryGetValue(use.Folder, out int from))
            {
                yield return $"{use.Where} stands in {use.Folder}, which has no place in the order";
            }
            else if (!heights.TryGetValue(use.TargetFolder, out int to))
            {
                yield return $"{use}, which has no place in the order";
            }
            else if (to > from)
            {
                yield return use.ToString();
            }
        }
    }

    /// <summary>The folders that can be come back to along references; none, if there is any order at all.</summary>
    internal static List<string> InCycles(IEnumerable<TypeUse> uses)
    {
        ILookup<string, string> next = uses.Where(use => use.Folder != use.TargetFolder).ToLookup(use => use.Folder, use => use.TargetFolder);
        return [.. next.Select(group => group.Key).Where(folder => Reaches(folder, folder, [])).Order()];

        bool Reaches(string from, string to, HashSet<string> seen) =>
            next[from].Distinct().Any(folder => folder == to || (seen.Add(folder) && Reaches(folder, to, seen)));
    }
}
