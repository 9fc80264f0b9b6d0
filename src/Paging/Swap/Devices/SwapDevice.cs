namespace Paging.Swap.Devices;

/// <summary>Where segments go: write a block-aligned extent, read a range of it, trim.</summary>
/// <remarks>
/// <para>Nothing above may assume a local file. All members are thread-safe. Ranges of transfers under way at the same time must not
/// overlap, unless all of them read.</para>
/// <para>Offsets are multiples of <see cref="BlockBytes"/>. A write's length need not be: the device writes whole blocks, and what it
/// writes beyond the length is arbitrary. A read's length is a multiple of <see cref="BlockBytes"/>. Buffers start at a multiple of
/// <see cref="BufferAlignment"/>, are readable up to the next multiple of it behind a write's length, and should be excluded from
/// fork.</para>
/// </remarks>
internal abstract unsafe class SwapDevice : IDisposable
{
    /// <summary>The alignment of buffers, and the unit of the medium below.</summary>
    internal const int BufferAlignment = 4096;

    internal abstract string Path { get; }

    /// <summary>Payload that the device holds: a multiple of <see cref="BlockBytes"/>.</summary>
    internal abstract long Bytes { get; }

    /// <summary>Payload of a block: 4096, or less where the device adds to each block.</summary>
    internal abstract int BlockBytes { get; }

    /// <summary>Whether transfers bypass the system's page cache.</summary>
    internal abstract bool IsDirect { get; }

    /// <summary>Reads on the calling thread, which blocks.</summary>
    /// <returns>0 or an error number; EBADMSG where the device authenticates and what it read is not what the stamp names.</returns>
    internal abstract int Read(long offset, byte* buffer, int length, ulong stamp);

    /// <summary>Writes on the calling thread, which blocks. After an error the range holds old bytes, new bytes or both.</summary>
    /// <returns>0 or an error number.</returns>
    internal abstract int Write(long offset, byte* buffer, int length, ulong stamp);

    /// <summary>Starts a transfer that completes on another thread, or before this returns.</summary>
    internal abstract void Submit(IoRequest request);

    /// <summary>Hands the space of a range back to whatever the device lies on; it reads as anything afterwards.</summary>
    /// <returns>0 or an error number: ENOTSUP where there is nobody to hand it to.</returns>
    internal abstract int Trim(long offset, long length);

    /// <summary>Waits for what is under way, then closes. Transfers that begin afterwards fail with EBADF.</summary>
    public abstract void Dispose();
}
