using System.Diagnostics;
using System.Security.Cryptography;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>Encrypts and authenticates each block on its way to another device, under a key that nobody can ever know again.</summary>
/// <remarks>
/// <para>The key is drawn at random, given to the ciphers, and wiped; they keep it in memory that OpenSSL clears when the device is disposed.</para>
/// <para>Transfers go through scratch buffers, each with a cipher of its own: whoever has the buffer has the cipher. There are many for reads
/// of pages and few for segments; who finds none waits. A transfer holds one of them, and completing one needs none, so they come back.
/// Writes are encrypted on the submitting thread, and reads decrypted on the one that completes them.</para>
/// </remarks>
internal sealed unsafe class EncryptedDevice : SwapDevice
{
    private const int SmallBlocks = 18;
    private const int SmallCount = 16;
    private const int LargeCount = 4;

    private readonly SwapDevice _inner;
    private readonly TransferCount _underWay = new();
    private readonly ScratchPool _small;
    private readonly ScratchPool _large;

    /// <param name="inner">With blocks of 4096 bytes; disposed of with this device.</param>
    /// <param name="largestTransfer">Bytes of the largest transfer to carry out in one piece.</param>
    /// <exception cref="PlatformNotSupportedException">The system's cryptography lacks AES-GCM.</exception>
    internal EncryptedDevice(SwapDevice inner, int largestTransfer = 1 << 20)
    {
        Debug.Assert(inner.BlockBytes == BlockCipher.StoredBytes, "the tag has to fit beside the payload");
        _inner = inner;
        Span<byte> key = stackalloc byte[BlockCipher.KeyBytes];
        try
        {
            RandomNumberGenerator.Fill(key);
            _small = new ScratchPool(SmallCount, SmallBlocks, key);
            _large = new ScratchPool(LargeCount, Math.Max(BlocksOf(largestTransfer), SmallBlocks), key);
        }
        catch
        {
            _small?.Dispose();
            throw;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    internal override string Path => _inner.Path;

    internal override long Bytes => _inner.Bytes / BlockCipher.StoredBytes * BlockBytes;

    internal override int BlockBytes => BlockCipher.PayloadBytes;

    internal override bool IsDirect => _inner.IsDirect;

    /// <summary>Memory of the scratch buffers that have been in use.</summary>
    internal long ScratchBytes => _small.Buffers.TotalBytes + _large.Buffers.TotalBytes;

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
            request.Complete(Errno.BadDescriptor);
            return;
        }

        request.Counted = _underWay;
        ScratchPool pool = PoolFor(request.Length);
        if (request.Length > pool.PayloadBytes)
        {
            request.Complete(RunPieces(pool, request.Operation, request.Offset, request.Buffer, request.Length, request.Stamp));
            return;
        }

        EncryptedTransfer transfer = pool.Rent();
        int error = transfer.Prepare(request.Operation, request.Offset / BlockBytes, request.Buffer, request.Length, request.Stamp);
        if (error != 0)
        {
            pool.Return(transfer);
            request.Complete(error);
            return;
        }

        transfer.Outer = request;
        transfer.Begin();
        _inner.Submit(transfer);
    }

    internal override int Trim(long offset, long length)
    {
        Debug.Assert(offset >= 0 && length >= 0 && offset % BlockBytes == 0 && length % BlockBytes == 0, "a range of blocks");
        return _inner.Trim(offset / BlockBytes * BlockCipher.StoredBytes, length / BlockBytes * BlockCipher.StoredBytes);
    }

    public override void Dispose()
    {
        bool first = _underWay.Close();
        // After this no transfer has a scratch buffer: one counts on the inner device until it has given it back.
        _inner.Dispose();
        if (first)
        {
            _small.Dispose();
            _large.Dispose();
        }
    }

    private static int BlocksOf(int length) => (length + BlockCipher.PayloadBytes - 1) / BlockCipher.PayloadBytes;

    private ScratchPool PoolFor(int length) => length <= _small.PayloadBytes ? _small : _large;

    private int Run(IoOperation operation, long offset, byte* buffer, int length, ulong stamp)
    {
        Check(offset, buffer, length);
        if (!_underWay.TryEnter())
        {
            return Errno.BadDescriptor;
        }

        int error = RunPieces(PoolFor(length), operation, offset, buffer, length, stamp);
        _underWay.Exit();
        return error;
    }

    private int RunPieces(ScratchPool pool, IoOperation operation, long offset, byte* buffer, int length, ulong stamp)
    {
        EncryptedTransfer transfer = pool.Rent();
        int error = 0;
        for (int done = 0; done < length && error == 0; done += pool.PayloadBytes)
        {
            int piece = Math.Min(length - done, pool.PayloadBytes);
            error = transfer.Prepare(operation, (offset + done) / BlockBytes, buffer + done, piece, stamp);
            if (error == 0)
            {
                error = operation == IoOperation.Read
                    ? _inner.Read(transfer.Offset, transfer.Buffer, transfer.Length, stamp)
                    : _inner.Write(transfer.Offset, transfer.Buffer, transfer.Length, stamp);
            }

            if (error == 0)
            {
                error = transfer.Finish();
            }
        }

        pool.Return(transfer);
        return error;
    }

    [Conditional("DEBUG")]
    private void Check(long offset, byte* buffer, int length)
    {
        Debug.Assert(length > 0 && offset >= 0 && offset % BlockBytes == 0, "a range of blocks");
        Debug.Assert(offset + ((long)BlocksOf(length) * BlockBytes) <= Bytes, "within the device");
        Debug.Assert((nuint)buffer % BufferAlignment == 0, "an aligned buffer");
    }
}
