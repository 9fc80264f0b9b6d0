using System.Diagnostics;
using Paging.Interop;
using Paging.TestSeam;

namespace Paging.Swap.Devices;

/// <summary>Encrypts and authenticates each block on its way to another device, under a key that is kept nowhere else and cannot be
/// recovered later.</summary>
/// <remarks>
/// <para>The key is drawn at random, given to the ciphers, and wiped. The ciphers keep it in memory that OpenSSL clears when the device is
/// disposed of.</para>
/// <para>Transfers go through scratch buffers, each with a cipher of its own, which the thread that has the buffer may use. There are many
/// buffers for reads of pages and a few for segments; a transfer that finds none waits. A transfer holds one buffer, and to complete it
/// needs no other, so that buffers always come back. Submitted writes are encrypted by a crew of threads. Reads are decrypted on the thread
/// that completes them.</para>
/// </remarks>
internal sealed unsafe class EncryptedDevice : SwapDevice
{
    private readonly SwapDevice _inner;
    private readonly TransferCount _underWay = new();
    private readonly EncryptedMedium _medium;
    private readonly CipherCrew _crew;

    /// <param name="inner">A device with blocks of 4096 bytes. It is disposed of with this one.</param>
    /// <param name="maxTransfer">The largest transfer, in bytes, that is carried out in one piece.</param>
    /// <exception cref="PlatformNotSupportedException">The system's cryptography lacks AES-GCM.</exception>
    /// <exception cref="InsufficientMemoryException">The system gives no thread.</exception>
    internal EncryptedDevice(SwapDevice inner, int maxTransfer = 1 << 20)
    {
        Debug.Assert(inner.BlockBytes == BlockCipher.StoredBytes, "the tag has to fit beside the payload");
        _inner = inner;
        _medium = new EncryptedMedium(inner, maxTransfer);
        try
        {
            _crew = new CipherCrew(_medium);
        }
        catch
        {
            _medium.Dispose();
            throw;
        }
    }

    internal override string Path => _inner.Path;

    internal override long Bytes => _inner.Bytes / BlockCipher.StoredBytes * BlockBytes;

    internal override int BlockBytes => BlockCipher.PayloadBytes;

    internal override bool KnowsWrites => true;

    internal override bool IsDirect => _inner.IsDirect;

    internal override (long Now, long Given) FileBytes => _inner.FileBytes;

    /// <summary>Memory of all scratch buffers that have ever been in use.</summary>
    internal long ScratchBytes => _medium.ScratchBytes;

    /// <summary>The threads of the crew.</summary>
    internal IReadOnlyList<Thread> Threads => _crew.Threads;

    internal override int Read(long offset, byte* buffer, int length, ulong stamp)
    {
        Debug.Assert(length % BlockBytes == 0, "whole blocks are read");
        return Run(IoOperation.Read, offset, buffer, length, stamp);
    }

    internal override int Write(long offset, byte* buffer, int length, ulong stamp) =>
        Run(IoOperation.Write, offset, buffer, length, stamp);

    internal override void Submit(IoRequest request)
    {
        Check(request.Offset, request.Buffer, request.Length);
        if (!_underWay.TryEnter())
        {
            request.Complete(Errno.EBADF);
            return;
        }

        request.Counted = _underWay;
        // Under a seeded scheduler only the threads of the test run.
        bool mayHandOver = request.Operation == IoOperation.Write && TestHook.Interleaver is null;
        if (!mayHandOver || !_crew.TryAdd(request))
        {
            _medium.Start(request);
        }
    }

    internal override int Trim(long offset, long length)
    {
        Debug.Assert(offset >= 0 && length >= 0 && offset % BlockBytes == 0 && length % BlockBytes == 0, "a range of blocks");
        return _inner.Trim(offset / BlockBytes * BlockCipher.StoredBytes, length / BlockBytes * BlockCipher.StoredBytes);
    }

    public override void Dispose()
    {
        // After this everything has completed, and the crew has nothing left to do.
        _underWay.Close();
        _crew.Dispose();
        // After this no transfer has a scratch buffer: the inner device counts a transfer until it has returned its buffer.
        _inner.Dispose();
        _medium.Dispose();
    }

    private int Run(IoOperation operation, long offset, byte* buffer, int length, ulong stamp)
    {
        Check(offset, buffer, length);
        if (!_underWay.TryEnter())
        {
            return Errno.EBADF;
        }

        try
        {
            return _medium.Run(operation, offset, buffer, length, stamp);
        }
        finally
        {
            _underWay.Exit();
        }
    }

    [Conditional("DEBUG")]
    private void Check(long offset, byte* buffer, int length)
    {
        Debug.Assert(length > 0 && offset >= 0 && offset % BlockBytes == 0, "a range of blocks");
        Debug.Assert(offset + ((long)EncryptedMedium.BlocksOf(length) * BlockBytes) <= Bytes, "within the device");
        Debug.Assert((nuint)buffer % BufferAlignment == 0, "an aligned buffer");
    }
}
