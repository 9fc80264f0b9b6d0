using System.Runtime.InteropServices;

namespace Paging.Threading;

/// <summary>The unit in which processors pass memory to each other.</summary>
internal static class CacheLine
{
    /// <summary>A pair of lines, since processors fetch them in pairs.</summary>
    internal const int Bytes = 128;
}

/// <summary>A word that many threads change, apart from what stands beside it in an object.</summary>
[StructLayout(LayoutKind.Explicit, Size = 2 * CacheLine.Bytes)]
internal struct LoneWord
{
    [FieldOffset(CacheLine.Bytes)]
    internal long Value;
}
