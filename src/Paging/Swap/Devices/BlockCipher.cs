using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Paging.Interop;
using Paging.TestSeam;

namespace Paging.Swap.Devices;

/// <summary>AES-256 in Galois/Counter mode (NIST SP 800-38D) over blocks of a device: 4080 bytes and a tag become 4096.</summary>
/// <remarks>
/// <para>Used by one thread at a time.</para>
/// <para>No nonce may come twice under a key. A nonce is the stamp of the write (8 bytes) and the low 32 bits of the block's number on the
/// device. Within a write the blocks are consecutive and fewer than 2³², so their numbers differ in those bits; two writes have different
/// stamps, of which the caller gives each to one write only, failed ones included; and each device has a key of its own. This is the
/// deterministic construction of section 8.2.1 there, which bounds the number of blocks by nothing else. The whole number of the block is
/// authenticated with the block, so that what lies elsewhere on the device, or was written here before, is refused.</para>
/// </remarks>
internal sealed unsafe class BlockCipher : IDisposable
{
    internal const int KeyBytes = 32;

    /// <summary>What a block holds.</summary>
    internal const int PayloadBytes = StoredBytes - TagBytes;

    /// <summary>What it takes on the medium.</summary>
    internal const int StoredBytes = 4096;

    private const int TagBytes = 16;
    private const int NonceBytes = 12;

    private readonly AesGcm _cipher;

    internal BlockCipher(ReadOnlySpan<byte> key) => _cipher = new AesGcm(key, TagBytes);

    /// <param name="payload">Whole payloads, but for the last one, whose rest is stored as zeroes.</param>
    /// <param name="length">Bytes of payload.</param>
    /// <param name="stored">Takes <see cref="StoredBytes"/> for each block.</param>
    /// <param name="firstBlock">Its number on the device.</param>
    /// <param name="stamp">Used for this write, and never again.</param>
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
                    // What lies behind the payload may not be readable: it is encrypted where it is stored.
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
            // Here and below: what follows runs on threads that nobody could tell by an exception.
            return Errno.ENOMEM;
        }
    }

    /// <param name="stored">Whole blocks.</param>
    /// <param name="payload">Takes <see cref="PayloadBytes"/> of each.</param>
    /// <param name="length">Bytes of payload, of whole blocks.</param>
    /// <param name="firstBlock">Its number on the device.</param>
    /// <param name="stamp">Of the write that is wanted.</param>
    /// <returns>0, or EBADMSG where a block is not what that write stored there.</returns>
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
