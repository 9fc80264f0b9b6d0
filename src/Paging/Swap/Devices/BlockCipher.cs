using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Paging.Interop;
using Paging.TestSeam;

namespace Paging.Swap.Devices;

/// <summary>AES-256 in Galois/Counter mode (NIST SP 800-38D) over blocks of a device: 4080 bytes and a tag become 4096.</summary>
/// <remarks>
/// <para>Used by one thread at a time.</para>
/// <para>No nonce may be used twice under a key. A nonce consists of the stamp of the write (8 bytes) and the low 32 bits of the number of
/// the block on the device. The blocks of one write are consecutive and fewer than 2³², so that their numbers differ in those bits. Two
/// writes have different stamps: the caller uses each stamp for one write only, even if the write fails. Each device has a key of its own.
/// This is the deterministic construction of section 8.2.1 of the standard, which sets no other limit to the number of blocks.</para>
/// <para>The whole number of the block is authenticated together with its content. So a block is refused if it comes from another place of
/// the device, or was written to this place earlier.</para>
/// </remarks>
internal sealed unsafe class BlockCipher : IDisposable
{
    internal const int KeyBytes = 32;

    /// <summary>Bytes of payload that a block holds.</summary>
    internal const int PayloadBytes = StoredBytes - TagBytes;

    /// <summary>Bytes that a block takes on the medium.</summary>
    internal const int StoredBytes = 4096;

    private const int TagBytes = 16;
    private const int NonceBytes = 12;

    private readonly AesGcm _cipher;

    internal BlockCipher(ReadOnlySpan<byte> key) => _cipher = new AesGcm(key, TagBytes);

    /// <summary>Encrypts blocks.</summary>
    /// <param name="payload">Payloads of whole blocks; only the last one may be shorter, and its rest is stored as zeroes.</param>
    /// <param name="length">Bytes of payload.</param>
    /// <param name="stored">Receives <see cref="StoredBytes"/> for each block.</param>
    /// <param name="firstBlock">The number of the first block on the device.</param>
    /// <param name="stamp">The stamp of this write, never to be used again.</param>
    /// <returns>0 or an error number.</returns>
    internal int Encrypt(byte* payload, int length, byte* stored, long firstBlock, ulong stamp)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        Span<byte> number = stackalloc byte[sizeof(long)];
        try
        {
            for (long block = firstBlock; length > 0; block++)
            {
                Name(block, stamp, nonce, number);
                Span<byte> text = new(stored, PayloadBytes);
                Span<byte> plain = new(payload, PayloadBytes);
                if (length < PayloadBytes)
                {
                    // The memory behind the payload may not be readable: so the payload is copied to where it is stored, and encrypted
                    // there.
                    plain[..length].CopyTo(text);
                    text[length..].Clear();
                    plain = text;
                }

                TestHook.MayFail(FailurePoint.Cipher);
                _cipher.Encrypt(nonce, plain, text, new Span<byte>(stored + PayloadBytes, TagBytes), number);
                payload += PayloadBytes;
                stored += StoredBytes;
                length -= PayloadBytes;
            }

            return 0;
        }
        catch (CryptographicException)
        {
            return Errno.EIO;
        }
        catch (OutOfMemoryException)
        {
            // An error number, here and below, because the caller may be a thread of the device: an exception there would reach no one.
            return Errno.ENOMEM;
        }
    }

    /// <summary>Decrypts blocks, and authenticates them.</summary>
    /// <param name="stored">Whole blocks.</param>
    /// <param name="payload">Receives <see cref="PayloadBytes"/> for each block.</param>
    /// <param name="length">Bytes of payload, of whole blocks.</param>
    /// <param name="firstBlock">The number of the first block on the device.</param>
    /// <param name="stamp">The stamp of the write that is wanted.</param>
    /// <returns>0, or EBADMSG if a block is not what that write stored there; another error number when the system refuses
    /// memory.</returns>
    internal int Decrypt(byte* stored, byte* payload, int length, long firstBlock, ulong stamp)
    {
        Debug.Assert(length % PayloadBytes == 0, "whole blocks");
        Span<byte> nonce = stackalloc byte[NonceBytes];
        Span<byte> number = stackalloc byte[sizeof(long)];
        try
        {
            for (long block = firstBlock; length > 0; block++)
            {
                Name(block, stamp, nonce, number);
                ReadOnlySpan<byte> text = new(stored, PayloadBytes);
                ReadOnlySpan<byte> tag = new(stored + PayloadBytes, TagBytes);
                TestHook.MayFail(FailurePoint.Cipher);
                _cipher.Decrypt(nonce, text, tag, new Span<byte>(payload, PayloadBytes), number);
                payload += PayloadBytes;
                stored += StoredBytes;
                length -= PayloadBytes;
            }

            return 0;
        }
        catch (CryptographicException)
        {
            return Errno.EBADMSG;
        }
        catch (OutOfMemoryException)
        {
            return Errno.ENOMEM;
        }
    }

    public void Dispose() => _cipher.Dispose();

    private static void Name(long block, ulong stamp, Span<byte> nonce, Span<byte> number)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, stamp);
        BinaryPrimitives.WriteUInt32LittleEndian(nonce[sizeof(ulong)..], (uint)block);
        BinaryPrimitives.WriteInt64LittleEndian(number, block);
    }
}
