using Paging.Codecs.Filters;

namespace Paging.Codecs;

/// <summary>What the length of an element says about the filters that suit it.</summary>
internal static class ElementShape
{
    /// <summary>The longest stride that a filter can have and that divides the element.</summary>
    internal static int StrideFor(int elementBytes)
    {
        if (elementBytes <= Filter.MaxStride)
        {
            return Math.Max(1, elementBytes);
        }

        int stride = Filter.MaxStride;
        while (elementBytes % stride != 0)
        {
            stride--;
        }

        return stride;
    }

    /// <summary>The length of the numbers that an element is taken to consist of.</summary>
    internal static int LaneFor(int stride) => Math.Min(8, stride & -stride);
}
