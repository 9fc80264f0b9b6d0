using Paging.Codecs;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs;

/// <summary>Pages into Zstd frames and back.</summary>
public sealed unsafe class ZstdCodecTests
{
    private const int LongestPage = 4 << 20;
    private static readonly int[] s_levels = [1, 2, 3, 6, 12];

    [Fact]
    public void What_is_encoded_decodes_to_the_page() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 600; i++)
        {
            byte[] page = Samples.Page(ref rng, i % Samples.Kinds, Samples.Length(ref rng, 150_000));
            AssertRoundTrip(page, s_levels[rng.Next(s_levels.Length)]);
        }
    });

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Pages_of_every_power_of_two_and_its_neighbours_fit_one_context_in_any_order(int level) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        int[] lengths =
        [
            .. from power in Enumerable.Range(0, 23)
               from beside in (int[])[-1, 0, 1]
               let length = (1 << power) + beside
               where length is > 0 and <= LongestPage
               select length,
        ];
        Shuffle(ref rng, lengths);
        foreach (int length in lengths)
            AssertRoundTrip(Samples.Page(ref rng, rng.Next(Samples.Kinds), length), level);
    });

    [Fact]
    public void The_memory_of_a_context_suffices_whatever_length_it_was_made_for() => Seeded.Run(static seed =>
    {
        // Estimated for the next power of two. A context that is too small would refuse its page, as one beyond the limit is.
        var rng = new Rng(seed);
        for (int i = 0; i < 300; i++)
        {
            int level = s_levels[rng.Next(s_levels.Length)];
            byte[] page = new byte[1 + rng.Next(2 << rng.Next(18))];
            byte[] target = new byte[page.Length + 64];

            // Nothing else keeps it: without its end in sight the collector may free its memory while it encodes.
            using var encoder = new ZstdEncoder();
            fixed (byte* from = page, to = target)
                Assert.NotEqual(-1, encoder.TryEncode(from, page.Length, to, target.Length, level));
        }
    });

    [Fact]
    public void A_context_as_large_as_the_longest_page_asks_for_takes_any_number_of_short_ones()
    {
        // Zstd would shrink a context of its own after 128 pages, and refuse to where it cannot.
        var rng = new Rng(1);
        AssertRoundTrip(Samples.Page(ref rng, (int)ContentKind.Text, LongestPage), 3);
        for (int i = 0; i < 300; i++)
            AssertRoundTrip(Samples.Page(ref rng, (int)ContentKind.Text, 1 + i), 3);
    }

    [Fact]
    public void Encoding_keeps_to_any_limit_and_the_next_page_does_not_notice() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        using var memory = new GuardedMemory(1 << 18);
        for (int i = 0; i < 600; i++)
        {
            byte[] page = Samples.Page(ref rng, i % Samples.Kinds, Samples.Length(ref rng, 150_000));
            int level = s_levels[rng.Next(s_levels.Length)];
            int limit = rng.Chance(50) ? PageCodec.MaxEncoded(page.Length) : rng.Next(page.Length + 1);
            bool atEnd = rng.Chance(80);
            byte* target = memory.Place(limit, atEnd);
            memory.SetCanaries(target, limit);
            int encoded;
            fixed (byte* source = page)
                encoded = ZstdCodec.TryEncode(source, page.Length, target, limit, level);
            memory.AssertCanaries(target, limit);
            Assert.True(encoded == -1 || (encoded > 0 && encoded <= limit));
            if (encoded > 0)
                AssertDecodes(page, new ReadOnlySpan<byte>(target, encoded));
            else
                AssertRoundTrip(page, level);
        }
    });

    [Fact]
    public void Noise_is_refused_by_the_limit_of_pages()
    {
        var rng = new Rng(1);
        foreach (int length in (int[])[1, 100, 4096, 64 << 10, 1 << 20])
            Assert.Null(Encode(Samples.Page(ref rng, (int)ContentKind.Noise, length), PageCodec.MaxEncoded(length), 1));
    }

    [Fact]
    public void A_frame_says_nothing_that_the_page_knows_anyway()
    {
        // No magic number, checksum, dictionary or window: a descriptor that says so, and the length (256 less, in two bytes).
        const byte SingleSegmentWithLengthInTwoBytes = 0x60;
        byte[] encoded = Encode(new byte[4096], 4096, 1)!;
        Assert.Equal([SingleSegmentWithLengthInTwoBytes, 0x00, 0x0f], encoded[..3]);
    }

    [Fact]
    public void Only_the_pages_own_length_decodes() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 200; i++)
        {
            byte[] page = Samples.Page(ref rng, i % Samples.Kinds, Samples.Length(ref rng, 30_000));
            byte[] encoded = Encode(page, page.Length + 64, 1)!;
            int other = 1 + rng.Next(2 * page.Length);
            Assert.Equal(other == page.Length, TryDecode(encoded, new byte[other]));
            Assert.False(TryDecode(encoded.AsSpan(0, rng.Next(encoded.Length)), new byte[page.Length]));
        }
    });

    [Fact]
    public void The_reserve_decodes_for_several_threads_at_once() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        byte[][] pages = [.. Enumerable.Range(0, 8).Select(_ => Samples.Page(ref rng, (int)ContentKind.Text, 4096))];
        byte[][] encoded = [.. pages.Select(page => Encode(page, page.Length, 1)!)];
        Assert.True(ZstdCodec.Reserve.Exists);
        Parallel.For(0, pages.Length, i =>
        {
            byte[] decoded = new byte[4096];
            for (int round = 0; round < 100; round++)
            {
                Array.Clear(decoded);
                fixed (byte* from = encoded[i], to = decoded)
                {
                    bool isDecoded = ZstdCodec.Reserve.Take().TryDecode(from, encoded[i].Length, to, decoded.Length);
                    ZstdCodec.Reserve.GiveBack();
                    Assert.True(isDecoded);
                }

                Assert.Equal(pages[i], decoded);
            }
        });
    });

    private static void AssertRoundTrip(byte[] page, int level)
    {
        byte[]? encoded = Encode(page, page.Length + (page.Length >> 8) + 64, level);
        Assert.NotNull(encoded);
        AssertDecodes(page, encoded);
    }

    private static void AssertDecodes(byte[] page, ReadOnlySpan<byte> encoded)
    {
        byte[] decoded = new byte[page.Length];
        Assert.True(TryDecode(encoded, decoded));
        Assert.True(decoded.AsSpan().SequenceEqual(page));
    }

    private static byte[]? Encode(byte[] page, int limit, int level)
    {
        byte[] target = new byte[limit + 1];
        int encoded;
        fixed (byte* from = page, to = target)
            encoded = ZstdCodec.TryEncode(from, page.Length, to, limit, level);
        return encoded < 0 ? null : target[..encoded];
    }

    private static bool TryDecode(ReadOnlySpan<byte> encoded, byte[] page)
    {
        fixed (byte* from = encoded, to = page)
            return ZstdCodec.TryDecode(from, encoded.Length, to, page.Length);
    }

    private static void Shuffle(ref Rng rng, int[] values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int other = rng.Next(i + 1);
            (values[i], values[other]) = (values[other], values[i]);
        }
    }
}
