namespace Paging.Memory;

/// <summary>How much memory is left to the process, and how pressed for it the system or the container is.</summary>
/// <param name="LeftBytes">What could be taken yet before reclaim begins: of the container, or of the system, whichever has less.</param>
/// <param name="TotalBytes">What the one that has less has in all.</param>
/// <param name="Pressure">The share of the last ten seconds, in hundredths, in which something waited for memory; 0 where that is not
/// known.</param>
internal readonly record struct MemoryReading(long LeftBytes, long TotalBytes, double Pressure);

/// <summary>Where readings come from: the system, or a test.</summary>
internal interface IMemorySource
{
    /// <summary>Reads anew. Never throws. Called by one thread at a time.</summary>
    /// <param name="reading">What was read.</param>
    /// <returns>False when nothing is known.</returns>
    bool TryRead(out MemoryReading reading);
}
