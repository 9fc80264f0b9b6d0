namespace Paging.Swap;

/// <summary>The segments of a log that have memory, by number: the one enumeration of them.</summary>
/// <remarks>Nothing is held meanwhile. A chunk may be another segment's by the time it is looked at: then another segment is seen than meant, and whoever chooses one
/// looks again when it has claimed or pinned it.</remarks>
internal struct Residents(ChunkMemory chunks)
{
    private int _chunk = -1;

    public int Current { get; private set; } = -1;

    public readonly Residents GetEnumerator() => this;

    public bool MoveNext()
    {
        while (++_chunk < chunks.Count)
        {
            Current = chunks.HolderOf(_chunk);
            if (Current >= 0)
            {
                return true;
            }
        }

        return false;
    }
}
