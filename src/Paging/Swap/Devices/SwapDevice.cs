namespace Paging.Swap.Devices;

/// <summary>Where segments go: write a block-aligned extent, read a range of it, trim.</summary>
/// <remarks>
/// <para>The layers above must not assume a local file. All members are thread-safe. Ranges of transfers that are under way at the same
/// time must not overlap, unless all of them are reads.</para>
/// <para>Offsets are multiples of <see cref="BlockBytes"/>. The length of a write need not be: the device writes whole blocks, and what it
/// writes beyond the length is arbitrary. The length of a read is a multiple of <see cref="BlockBytes"/>. Buffers start at a multiple of
/// <see cref="BufferAlignment"/>. Behind the length of a write they are readable up to the next such multiple. Buffers should be excluded
/// from fork.</para>
/// </remarks>
internal abstract unsafe class SwapDevice : IDisposable
{
    /// <summary>The alignment of buffers, and the unit of the medium below.</summary>
    internal const int BufferAlignment = 4096;

    /// <summary>The path that the device was opened with.</summary>
    internal abstract string Path { get; }

    /// <summary>Bytes of payload that the device holds: a multiple of <see cref="BlockBytes"/>.</summary>
    internal abstract long Bytes { get; }

    /// <summary>Bytes of payload in a block: 4096, or fewer if the device adds something to each block.</summary>
    internal abstract int BlockBytes { get; }

    /// <summary>Whether transfers bypass the system's page cache.</summary>
    internal abstract bool IsDirect { get; }

    /// <summary>Whether it checks that what it reads is what the write with the read's stamp wrote. Then a read must not go beyond one
    /// write.</summary>
    internal abstract bool KnowsWrites { get; }

    /// <summary>Bytes that the file below has now, and that it was given; both 0 where there is no file, or that cannot be said. Fewer than
    /// it was given: another process has cut it, which tells nobody.</summary>
    internal virtual (long Now, long Given) FileBytes => default;

    /// <summary>Reads on the calling thread, which blocks.</summary>
    /// <returns>0 or an error number: EBADMSG if the device authenticates, and what it has read is not what the write with this stamp
    /// wrote.</returns>
    internal abstract int Read(long offset, byte* buffer, int length, ulong stamp);

    /// <summary>Writes on the calling thread, which blocks. After an error the range holds old bytes, new bytes or both.</summary>
    /// <returns>0 or an error number.</returns>
    internal abstract int Write(long offset, byte* buffer, int length, ulong stamp);

    /// <summary>Starts a transfer. It completes on another thread, or before this method returns.</summary>
    internal abstract void Submit(IoRequest request);

    /// <summary>Hands the space of a range back to the file system, or to whatever else the device lies on. Afterwards the content of the
    /// range is undefined.</summary>
    /// <returns>0 or an error number: EOPNOTSUPP where space cannot be handed back.</returns>
    internal abstract int Trim(long offset, long length);

    /// <summary>Waits for the transfers that are under way, then closes. Transfers that begin afterwards fail with EBADF.</summary>
    public abstract void Dispose();
}
