namespace Paging.Memory;

/// <summary>Where a table lies: in a slab among others of its size, or in an arena.</summary>
internal abstract unsafe class TableHome
{
    /// <summary>Before the first write to a part of a table; whatever was made writable stays so. Thread-safe.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses. Nothing has changed.</exception>
    internal abstract void MakeWritable(byte* address, long bytes);

    /// <summary>The table is used no more, though late readers may still look at it: what they find reads as zeroes or as it was left.
    /// Physical memory goes back as far as no other table has a part in it. Once a table.</summary>
    /// <returns>False when the system keeps the memory.</returns>
    internal abstract bool Close(byte* address, long bytes);

    /// <summary>Gives the memory of a part of a table back that is still in use: it reads as zeroes, and stays writable.</summary>
    /// <returns>False when the system keeps it, or others have a part in it.</returns>
    internal abstract bool TryDrop(byte* address, long bytes);

    /// <summary>Nobody can look at the table any more: its addresses can be another's. After <see cref="Close"/>, once.</summary>
    internal abstract void GiveBack(byte* address, long bytes);
}
