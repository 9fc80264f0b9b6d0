using System.Diagnostics;
using Paging.Interop;
using Paging.TestSeam;

namespace Paging.Swap.Devices;

/// <summary>Encrypts and authenticates each block on its way to another device, under a key that nobody can ever know again.</summary>
/// <remarks>
/// <para>The key is drawn at random, given to the ciphers, and wiped; they keep it in memory that OpenSSL clears when the device is
/// disposed.</para>
/// <para>Transfers go through scratch buffers, each with a cipher of its own: whoever has the buffer has the cipher. There are many for
/// reads of pages and few for segments; who finds none waits. A transfer holds one of them, and completing one needs none, so they come
/// back. Submitted writes are encrypted by a crew of threads, and reads decrypted on the thread that completes them.</para>
/// </remarks>
internal sealed unsafe class EncryptedDevice : SwapDevice
{
    private readonly SwapDevice _inner;
    private readonly TransferCount _underWay = new();
    private readonly EncryptedMedium _medium;
    private readonly CipherCrew _crew;

    /// <param name="inner">With blocks of 4096 bytes; disposed of with this device.</param>
    /// <param name="maxTransfer">Bytes of the largest transfer to carry out in one piece.</param>
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

    internal override bool IsDirect => _inner.IsDirect;

    /// <summary>Memory of the scratch buffers that have been in use.</summary>
    internal long ScratchBytes => _medium.ScratchBytes;

    /// <summary>Those of the crew.</summary>
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
        // A seeded scheduler has the threads of its test, and no others.
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
        // Everything has completed after this, and the crew has nothing to do any more.
        _underWay.Close();
        _crew.Dispose();
        // After this no transfer has a scratch buffer: one counts on the inner device until it has given it back.
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
