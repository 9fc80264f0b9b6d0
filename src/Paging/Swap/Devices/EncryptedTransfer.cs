namespace Paging.Swap.Devices;

/// <summary>A transfer of encrypted blocks between the device below and a scratch buffer, on behalf of a transfer of the payload.</summary>
internal sealed unsafe class EncryptedTransfer : IoRequest
{
    private readonly ScratchPool _pool;
    private readonly BlockCipher _cipher;
    private byte* _payload;
    private int _payloadLength;
    private long _firstBlock;

    internal EncryptedTransfer(ScratchPool pool, byte* scratch, BlockCipher cipher)
    {
        _pool = pool;
        Scratch = scratch;
        _cipher = cipher;
    }

    internal byte* Scratch { get; }

    /// <summary>The asynchronous transfer of the payload, which this one completes.</summary>
    internal IoRequest? Outer { get; set; }

    /// <summary>Sets what to transfer, and encrypts what is to be written.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Prepare(IoOperation operation, long firstBlock, byte* payload, int length, ulong stamp)
    {
        _firstBlock = firstBlock;
        _payload = payload;
        _payloadLength = length;
        Operation = operation;
        Offset = firstBlock * BlockCipher.StoredBytes;
        Buffer = Scratch;
        Length = (length + BlockCipher.PayloadBytes - 1) / BlockCipher.PayloadBytes * BlockCipher.StoredBytes;
        Stamp = stamp;
        return operation == IoOperation.Write ? _cipher.Encrypt(payload, length, Scratch, firstBlock, stamp) : 0;
    }

    /// <summary>Decrypts what has been read.</summary>
    /// <returns>0 or an error number.</returns>
    internal int Finish() =>
        Operation == IoOperation.Read ? _cipher.Decrypt(Scratch, _payload, _payloadLength, _firstBlock, Stamp) : 0;

    protected override void OnCompleted()
    {
        IoRequest outer = Outer!;
        Outer = null;
        outer.Complete(Error == 0 ? Finish() : Error);
    }

    protected override void OnReleased() => _pool.Return(this);
}
