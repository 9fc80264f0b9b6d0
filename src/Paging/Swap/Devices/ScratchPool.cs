using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>Scratch buffers of one size, each with a cipher and a request of its own.</summary>
internal sealed unsafe class ScratchPool : IDisposable
{
    private readonly BlockCipher[] _ciphers;
    private readonly EncryptedTransfer[] _transfers;

    internal ScratchPool(int count, int blocks, ReadOnlySpan<byte> key)
    {
        // Whole pages of the system, which may be larger than blocks.
        int page = Math.Max(BlockCipher.StoredBytes, VirtualMemory.SystemPageBytes);
        Buffers = new BounceBuffers(count, ((blocks * BlockCipher.StoredBytes) + page - 1) / page * page);
        PayloadBytes = blocks * BlockCipher.PayloadBytes;
        _ciphers = new BlockCipher[count];
        _transfers = new EncryptedTransfer[count];
        try
        {
            byte* buffers = Buffers.Address;
            for (int i = 0; i < count; i++)
            {
                _ciphers[i] = new BlockCipher(key);
                _transfers[i] = new EncryptedTransfer(this, buffers + ((long)i * Buffers.BufferBytes), _ciphers[i]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal BounceBuffers Buffers { get; }

    /// <summary>How many bytes of payload one buffer has room for.</summary>
    internal int PayloadBytes { get; }

    /// <summary>Takes a buffer, with its cipher and request. Waits while all are out.</summary>
    internal EncryptedTransfer Rent() => _transfers[Buffers.IndexOf(Buffers.Rent())];

    internal void Return(EncryptedTransfer transfer) => Buffers.Return(transfer.Scratch);

    /// <summary>Gives the memory back. All buffers must have been returned.</summary>
    public void Dispose()
    {
        Buffers.Dispose();
        foreach (BlockCipher? cipher in _ciphers)
        {
            cipher?.Dispose();
        }
    }
}
