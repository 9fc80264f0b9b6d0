namespace Paging.Swap.Devices;

/// <summary>A file of somebody else's that pages are read from: only read, and of any length.</summary>
/// <remarks>All members are thread-safe. Offsets and lengths of reads are multiples of <see cref="SwapDevice.BufferAlignment"/>, buffers
/// start at one. Since a file need not end with a whole block, a read says how many of its bytes are wanted, and has succeeded when those
/// are there.</remarks>
internal abstract unsafe class SourceFile : IDisposable
{
    /// <summary>The path that it was opened with.</summary>
    internal abstract string Path { get; }

    /// <summary>Its length in bytes when it was opened.</summary>
    internal abstract long Bytes { get; }

    /// <summary>Its length in bytes now; −1 when the system does not say.</summary>
    internal abstract long BytesNow { get; }

    /// <summary>Whether reads bypass the system's page cache, and can be submitted.</summary>
    internal abstract bool IsDirect { get; }

    /// <summary>Reads on the calling thread, which blocks.</summary>
    /// <param name="offset">Where from.</param>
    /// <param name="buffer">Where to.</param>
    /// <param name="length">Whole blocks.</param>
    /// <param name="wanted">Bytes of them, from the first one on, that there must be.</param>
    /// <returns>0 or an error number: EIO also when the file has fewer bytes than are wanted.</returns>
    internal abstract int Read(long offset, byte* buffer, int length, int wanted);

    /// <summary>Starts a read. It completes on another thread, or before this method returns.</summary>
    /// <param name="request">A request that has begun.</param>
    /// <param name="wanted">Bytes of it that there must be.</param>
    internal abstract void Submit(IoRequest request, int wanted);

    /// <summary>Waits for the reads that are under way, then closes. Reads that begin afterwards fail with EBADF.</summary>
    public abstract void Dispose();
}
