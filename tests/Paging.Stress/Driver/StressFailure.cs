namespace Paging.Stress.Driver;

/// <summary>What a thread saw and should not have seen. The coordinator adds the seed and the last operations.</summary>
internal sealed class StressFailure(string message, int array = -1, long pageStart = 0, long pageEnd = 0, Exception? inner = null)
    : Exception(message, inner)
{
    public int Array => array;

    /// <summary>The first element of the page.</summary>
    public long PageStart => pageStart;

    public long PageEnd => pageEnd;
}
