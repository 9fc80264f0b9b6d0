using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FsCheck;
using FsCheck.Fluent;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Codecs;

/// <summary>Pages into bytes and back; damaged bytes do no harm.</summary>
public sealed unsafe class CodecTests
{
    private const int Guard = 64;
    private const byte GuardByte = 0xA5;

    [Fact]
    public void What_is_encoded_decodes_to_the_page_and_nothing_is_written_beside() => Seeded.Check(
        400, Pages, static _ => [], static page =>
        {
            byte[] encoded = Encode(page, PageCodec.MaxEncoded(page.Length), out int length);
            if (length < 0)
            {
                return;
            }

            Assert.True(length <= PageCodec.MaxEncoded(page.Length));
            Assert.True(Decode(Codec.Lz4, encoded.AsSpan(0, length), page.Length, out byte[] decoded));
            Assert.Equal(page, decoded);
        });

    [Fact]
    public void Encoding_keeps_to_any_limit() => Seeded.Check(
        400,
        from page in Pages
        from limit in Gen.Choose(0, page.Length)
        select (Page: page, Limit: limit),
        static _ => [],
        static given =>
        {
            Encode(given.Page, given.Limit, out int length);
            Assert.True(length <= given.Limit);
        });

    [Fact]
    public void Damaged_bytes_never_write_outside_the_page() => Seeded.Check(
        2_000,
        from page in Pages
        from cut in Gen.Choose(0, 20_000)
        from flips in Gen.ArrayOf(Gen.Choose(0, 200_000), 4)
        from flipped in Gen.Choose(0, 4)
        from length in Gen.Elements(page.Length, page.Length, Math.Max(1, page.Length / 2), page.Length + 100)
        select (Page: page, Cut: cut, Flips: flips[..flipped], Length: length),
        static _ => [],
        static given =>
        {
            byte[] encoded = Encode(given.Page, given.Page.Length, out int length);
            length = Math.Max(0, length);
            length = given.Cut < length ? given.Cut : length;
            foreach (int flip in given.Flips)
            {
                if (length > 0)
                {
                    encoded[(flip >> 3) % length] ^= (byte)(1 << (flip & 7));
                }
            }

            // Whether it decodes to something is the checksum's business.
            Decode(Codec.Lz4, encoded.AsSpan(0, length), given.Length, out _);
        });

    [Fact]
    public void Random_bytes_never_write_outside_the_page() => Seeded.Check(
        2_000,
        from seed in Gen.Choose(0, int.MaxValue)
        from bytes in Gen.Choose(0, 5_000)
        from length in Gen.Choose(1, 5_000)
        from codec in Gen.Choose(0, 3)
        select (Seed: seed, Bytes: bytes, Length: length, Codec: (Codec)codec),
        static _ => [],
        static given =>
        {
            byte[] bytes = Noise(given.Seed, given.Bytes);
            bool decoded = Decode(given.Codec, bytes, given.Length, out byte[] page);
            Assert.True(!decoded || given.Codec <= Codec.Zstd);
            Assert.True(given.Codec != Codec.Raw || decoded == (given.Bytes == given.Length));
            Assert.True(!decoded || given.Codec != Codec.Raw || page.AsSpan().SequenceEqual(bytes));
        });

    [Fact]
    public void A_checksum_is_that_of_its_bytes_its_id_and_its_lengths() => Seeded.Check(
        500,
        from page in Pages
        from bit in Gen.Choose(0, int.MaxValue)
        from idBit in Gen.Choose(0, 63)
        from lengthBit in Gen.Choose(0, 31)
        select (page, bit, idBit, lengthBit),
        static _ => [],
        static given =>
        {
            (byte[] page, int bit, int idBit, int lengthBit) = given;
            ulong id = 0x123_0000_0042;
            uint encoded = 0x0100_0777;
            uint length = 4096;
            ulong checksum = PageCodec.Checksum(page, id, encoded, length);
            Assert.Equal(checksum, PageCodec.Checksum(page, id, encoded, length));
            Assert.NotEqual(checksum, PageCodec.Checksum(page, id ^ (1ul << idBit), encoded, length));
            Assert.NotEqual(checksum, PageCodec.Checksum(page, id, encoded ^ (1u << lengthBit), length));
            Assert.NotEqual(checksum, PageCodec.Checksum(page, id, encoded, length ^ (1u << lengthBit)));
            page[(bit >> 3) % page.Length] ^= (byte)(1 << (bit & 7));
            Assert.NotEqual(checksum, PageCodec.Checksum(page, id, encoded, length));
        });

    [Fact]
    public void A_page_of_one_pattern_is_found_and_filled_again() => Seeded.Check(
        1_000,
        from period in Gen.Elements(1, 2, 4, 8, 16)
        from seed in Gen.Choose(0, int.MaxValue)
        from length in Gen.OneOf(Gen.Choose(1, 100), Gen.Choose(1, 5_000), Gen.Constant(4096))
        select (Pattern: Noise(seed, period), Length: length),
        static _ => [],
        static given =>
        {
            byte[] page = Repeat(given.Pattern, given.Length);
            Assert.True(Find(page, out Vector128<byte> pattern));
            Assert.Equal(page, Fill(pattern, given.Length));
        });

    [Fact]
    public void One_byte_that_differs_makes_a_page_of_its_own() => Seeded.Check(
        1_000,
        from period in Gen.Elements(1, 2, 4, 8, 16)
        from seed in Gen.Choose(0, int.MaxValue)
        from length in Gen.OneOf(Gen.Choose(17, 100), Gen.Choose(17, 5_000), Gen.Constant(4096))
        from place in Gen.Choose(0, int.MaxValue)
        select (Pattern: Noise(seed, period), Length: length, Place: place),
        static _ => [],
        static given =>
        {
            // In the first sixteen bytes it may be a pattern still, if it is not repeated.
            byte[] page = Repeat(given.Pattern, Math.Max(given.Length, 33));
            page[given.Place % page.Length] ^= 0x40;
            Assert.False(Find(page, out _));
        });

    private static Gen<byte[]> Pages =>
        from kind in Gen.Choose(0, 3)
        from seed in Gen.Choose(0, int.MaxValue)
        from length in Gen.OneOf(Gen.Choose(1, 64), Gen.Choose(1, 9_000), Gen.Constant(4096), Gen.Constant(16 << 10))
        select kind switch
        {
            0 => Noise(seed, length),
            1 => Repeat(Noise(seed, 37), length),
            2 => Mixed(seed, length),
            _ => new byte[length],
        };

    private static byte[] Noise(int seed, int length)
    {
        var dice = new Dice((ulong)seed);
        byte[] noise = new byte[length];
        for (int i = 0; i < length; i++)
        {
            noise[i] = (byte)dice.Next();
        }

        return noise;
    }

    private static byte[] Mixed(int seed, int length)
    {
        byte[] page = Noise(seed, length);
        for (int i = 0; i < length; i++)
        {
            page[i] = (i & 64) != 0 ? page[i] : (byte)(i / 7);
        }

        return page;
    }

    private static byte[] Repeat(byte[] pattern, int length) =>
        [.. Enumerable.Range(0, length).Select(i => pattern[i % pattern.Length])];

    private static byte[] Encode(byte[] page, int limit, out int length)
    {
        byte[] target = Guarded(limit);
        fixed (byte* source = page)
        fixed (byte* start = target)
        {
            length = PageCodec.TryEncode(new StoredForm(Codec.Lz4, Filter.None), 0, source, page.Length, start + Guard, limit);
        }

        AssertGuards(target);
        return target[Guard..^Guard];
    }

    private static bool Decode(Codec codec, ReadOnlySpan<byte> encoded, int length, out byte[] page)
    {
        byte[] target = Guarded(length);
        bool decoded;
        fixed (byte* source = &MemoryMarshal.GetReference((ReadOnlySpan<byte>)[.. encoded, 0]))
        fixed (byte* start = target)
        {
            decoded = PageCodec.TryDecode(new StoredForm(codec, Filter.None), source, encoded.Length, start + Guard, length);
        }

        AssertGuards(target);
        page = target[Guard..^Guard];
        return decoded;
    }

    private static bool Find(byte[] page, out Vector128<byte> pattern)
    {
        fixed (byte* start = page)
        {
            return SameFilled.TryFind(start, page.Length, out pattern);
        }
    }

    private static byte[] Fill(Vector128<byte> pattern, int length)
    {
        byte[] target = Guarded(length);
        fixed (byte* start = target)
        {
            SameFilled.Fill(start + Guard, length, pattern);
        }

        AssertGuards(target);
        return target[Guard..^Guard];
    }

    private static byte[] Guarded(int length)
    {
        byte[] target = new byte[length + (2 * Guard)];
        target.AsSpan(0, Guard).Fill(GuardByte);
        target.AsSpan(^Guard..).Fill(GuardByte);
        return target;
    }

    private static void AssertGuards(byte[] target)
    {
        Assert.False(target.AsSpan(0, Guard).ContainsAnyExcept(GuardByte), "bytes before the target were written");
        Assert.False(target.AsSpan(^Guard..).ContainsAnyExcept(GuardByte), "bytes behind the target were written");
    }
}
