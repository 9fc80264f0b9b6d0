using System.Security.Cryptography;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>A device of encrypted blocks, and the scratch buffers and ciphers through which payload gets there.</summary>
/// <remarks>Thread-safe: the thread that has a scratch buffer uses the cipher that belongs to it. The medium does not know the
/// <see cref="EncryptedDevice"/> that owns it and that counts what is under way here.</remarks>
internal sealed unsafe class EncryptedMedium : IDisposable
{
    private const int SmallBlocks = 18;
    private const int SmallCount = 16;
    private const int LargeCount = 4;

    private readonly ScratchPool _small;
    private readonly ScratchPool _large;

    internal EncryptedMedium(SwapDevice device, int maxTransfer)
    {
        Device = device;
        Span<byte> key = stackalloc byte[BlockCipher.KeyBytes];
        try
        {
            RandomNumberGenerator.Fill(key);
            _small = new ScratchPool(SmallCount, SmallBlocks, key);
            _large = new ScratchPool(LargeCount, Math.Max(BlocksOf(maxTransfer), SmallBlocks), key);
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

    /// <summary>The device below.</summary>
    internal SwapDevice Device { get; }

    /// <summary>Memory of all scratch buffers that have ever been in use.</summary>
    internal long ScratchBytes => _small.Buffers.TotalBytes + _large.Buffers.TotalBytes;

    /// <summary>How many blocks a payload of this length takes.</summary>
    internal static int BlocksOf(int length) => (length + BlockCipher.PayloadBytes - 1) / BlockCipher.PayloadBytes;

    /// <summary>Encrypts what is to be written, and submits the transfer. Waits while there is no scratch buffer.</summary>
    internal void Start(IoRequest request)
    {
        ScratchPool pool = PoolFor(request.Length);
        if (request.Length > pool.PayloadBytes)
        {
            request.Complete(Run(request.Operation, request.Offset, request.Buffer, request.Length, request.Stamp));
            return;
        }

        EncryptedTransfer transfer = pool.Rent();
        int error = Errno.ENOMEM;
        try
        {
            error = transfer.Prepare(
                request.Operation, request.Offset / BlockCipher.PayloadBytes, request.Buffer, request.Length, request.Stamp);
        }
        finally
        {
            if (error != 0)
            {
                pool.Return(transfer);
                request.Complete(error);
            }
        }

        if (error != 0)
        {
            return;
        }

        transfer.Outer = request;
        transfer.Begin();
        try
        {
            Device.Submit(transfer);
        }
        catch when (!transfer.IsComplete)
        {
            // The device has not taken the transfer, so that it must be ended here.
            transfer.Complete(Errno.ENOMEM);
            throw;
        }
    }

    /// <summary>Transfers on the calling thread, in pieces if need be.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Run(IoOperation operation, long offset, byte* buffer, int length, ulong stamp)
    {
        ScratchPool pool = PoolFor(length);
        EncryptedTransfer transfer = pool.Rent();
        int error = 0;
        try
        {
            for (int done = 0; done < length && error == 0; done += pool.PayloadBytes)
            {
                int piece = Math.Min(length - done, pool.PayloadBytes);
                error = transfer.Prepare(operation, (offset + done) / BlockCipher.PayloadBytes, buffer + done, piece, stamp);
                if (error == 0)
                {
                    error = operation == IoOperation.Read
                        ? Device.Read(transfer.Offset, transfer.Buffer, transfer.Length, stamp)
                        : Device.Write(transfer.Offset, transfer.Buffer, transfer.Length, stamp);
                }

                if (error == 0)
                {
                    error = transfer.Finish();
                }
            }

            return error;
        }
        finally
        {
            pool.Return(transfer);
        }
    }

    /// <summary>Gives the scratch buffers back; no transfer may have one any more. The device below is left alone.</summary>
    public void Dispose()
    {
        _small.Dispose();
        _large.Dispose();
    }

    private ScratchPool PoolFor(int length) => length <= _small.PayloadBytes ? _small : _large;
}
