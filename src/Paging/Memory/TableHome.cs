namespace Paging.Memory;

/// <summary>Where a table lies: in a slab, among others of its size, or in an arena.</summary>
internal abstract unsafe class TableHome
{
    /// <summary>To be called before the first write to a part of a table. What was made writable stays writable. Thread-safe.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses. Nothing has changed.</exception>
    internal abstract void MakeWritable(byte* address, long bytes);

    /// <summary>As <see cref="MakeWritable"/>, for a part that is about to be written as a whole: brings its memory in.</summary>
    /// <exception cref="InsufficientMemoryException">The system refuses. Nothing has changed.</exception>
    internal abstract void Populate(byte* address, long bytes);

    /// <summary>The table is not used any more. Late readers may still read it, and find zeroes or what was left in it. Physical memory is
    /// given back unless other tables share it, or the system keeps it. To be called once for each table.</summary>
    internal abstract void Close(byte* address, long bytes);

    /// <summary>Gives back the memory of a part of a table that stays in use: the part reads as zeroes, and stays writable.</summary>
    /// <returns>False when the system keeps the memory, or other tables share it.</returns>
    internal abstract bool TryDrop(byte* address, long bytes);

    /// <summary>No thread can read the table any more, so that another table may have its addresses. To be called once, after
    /// <see cref="Close"/>.</summary>
    internal abstract void GiveBack(byte* address, long bytes);
}
