using System.Globalization;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs;

/// <summary>Pages behind every filter into both codecs and back, between pages that nobody may touch.</summary>
public sealed unsafe class PageCodecTests : IDisposable
{
    private const int LongestPage = 4 << 20;
    private const int LongestEncoding = LongestPage + (LongestPage >> 4) + 1024;
    private static readonly int[] s_levels = [1, 3];

    private readonly GuardedMemory _page = new(LongestPage);
    private readonly GuardedMemory _encoded = new(LongestEncoding);
    private readonly GuardedMemory _source = new(LongestEncoding);
    private readonly GuardedMemory _decoded = new(LongestPage);

    public void Dispose()
    {
        _page.Dispose();
        _encoded.Dispose();
        _source.Dispose();
        _decoded.Dispose();
    }

    [Theory]
    [InlineData(nameof(Codec.Lz4))]
    [InlineData(nameof(Codec.Zstd))]
    public void Every_filter_of_every_stride_and_lane_comes_back(string codec) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        foreach (int stride in (int[])[.. Enumerable.Range(1, 64), 65, 96, 127, 128, 200, 255, 256, 333, 511, 512])
        {
            foreach (Filter filter in Forms.FiltersOf(stride))
                AssertRoundTrip(ref rng, new StoredForm(Enum.Parse<Codec>(codec), filter), 1 + rng.Next(4096));
        }
    });

    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 40)]
    [InlineData(7, 40)]
    [InlineData(63, 40)]
    [InlineData(4 << 10, 40)]
    [InlineData(16 << 10, 20)]
    [InlineData((64 << 10) - 1, 8)]
    [InlineData(64 << 10, 8)]
    [InlineData((64 << 10) + 1, 8)]
    [InlineData((128 << 10) + 3, 6)]
    [InlineData(200 << 10, 6)]
    [InlineData(1 << 20, 2)]
    [InlineData(LongestPage, 1)]
    public void Pages_of_every_length_come_back(int length, int times) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < times; i++)
            AssertRoundTrip(ref rng, Forms.Encoded(ref rng), length);
    });

    [Fact]
    public void Blocks_of_a_long_page_that_do_not_shrink_stand_among_those_that_do() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        byte[] page = new byte[300_001];
        page.AsSpan().Fill(7);
        Content.Write(ContentKind.Noise, seed, page.AsSpan(70_000, 140_000));
        foreach (Codec codec in (Codec[])[Codec.Lz4, Codec.Zstd])
        {
            Filter filter;
            do
                filter = Forms.Filter(ref rng);
            while (filter.Kind == FilterKind.None);
            var form = new StoredForm(codec, filter);
            int encoded = Encode(ref rng, form, 1, page, PageCodec.MaxEncoded(page.Length), out byte* bytes);
            Assert.True(encoded > 0, $"{form} finds nothing to save in one byte over and over");
            AssertDecodes(ref rng, form, new ReadOnlySpan<byte>(bytes, encoded), page);
        }
    });

    [Fact]
    public void Encoding_keeps_to_any_limit() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 300; i++)
        {
            StoredForm form = Forms.Encoded(ref rng);
            byte[] page = PageKinds.Any(ref rng, i % 16 == 0 ? (64 << 10) + rng.Next(100_000) : 1 + rng.Next(9000));
            int limit = rng.Next(4) switch
            {
                0 => rng.Next(page.Length + 1),
                1 => rng.Next(Math.Min(page.Length, 64)),
                2 => page.Length - 1,
                _ => PageCodec.MaxEncoded(page.Length),
            };
            int encoded = Encode(ref rng, form, 1, page, limit, out byte* bytes);
            if (encoded > 0)
                AssertDecodes(ref rng, form, new ReadOnlySpan<byte>(bytes, encoded), page);
        }
    });

    [Fact]
    public void An_encoding_fits_a_limit_of_its_own_length() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 60; i++)
        {
            // LZ4 in blocks: each is told how much room there is, so that the last needs no more than it takes.
            var form = new StoredForm(Codec.Lz4, Forms.Filter(ref rng));
            byte[] page = PageKinds.Any(ref rng, i % 8 == 0 ? 150_000 : 1 + rng.Next(9000));
            int encoded = Encode(ref rng, form, 1, page, Bound(page.Length), out _);
            Assert.Equal(encoded, Encode(ref rng, form, 1, page, encoded, out byte* bytes));
            AssertDecodes(ref rng, form, new ReadOnlySpan<byte>(bytes, encoded), page);
            Assert.Equal(-1, Encode(ref rng, form, 1, page, encoded - 1, out _));
        }
    });

    [Theory]
    [InlineData(1, 30)]
    [InlineData(100, 30)]
    [InlineData(4 << 10, 80)]
    [InlineData(16 << 10, 20)]
    [InlineData(64 << 10, 6)]
    [InlineData((64 << 10) + 1, 6)]
    [InlineData(200 << 10, 4)]
    [InlineData(1 << 20, 1)]
    public void A_page_that_is_compressed_again_keeps_its_filter_and_its_contents(int length, int times) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < times; i++)
        {
            byte[] page = PageKinds.Any(ref rng, length);
            StoredForm form = i % 4 == 0 ? StoredForm.Raw : Forms.Encoded(ref rng) with { Codec = Codec.Lz4 };
            byte[] stored = page;
            if (form.Codec != Codec.Raw)
            {
                int before = Encode(ref rng, form, 1, page, Bound(length), out byte* bytes);
                stored = new ReadOnlySpan<byte>(bytes, before).ToArray();
            }

            int limit = rng.Chance(50) ? Bound(length) : stored.Length - (stored.Length >> 3);
            int encoded = Recompress(form, stored, length, limit, out byte* again);
            Assert.True(encoded > 0 || limit != Bound(length), $"{form}: no room in {limit} for {length}");
            if (encoded > 0)
                AssertDecodes(ref rng, form with { Codec = Codec.Zstd }, new ReadOnlySpan<byte>(again, encoded), page);
        }
    });

    private static int Bound(int length) => length + (length >> 4) + 1024;

    private void AssertRoundTrip(ref Rng rng, StoredForm form, int length)
    {
        byte[] page = PageKinds.Any(ref rng, length);
        int level = s_levels[rng.Next(s_levels.Length)];
        int encoded = Encode(ref rng, form, level, page, Bound(length), out byte* bytes);
        Assert.True(encoded > 0, string.Create(CultureInfo.InvariantCulture, $"{form}: no room for {length} bytes"));
        AssertDecodes(ref rng, form, new ReadOnlySpan<byte>(bytes, encoded), page);
    }

    private int Encode(ref Rng rng, StoredForm form, int level, byte[] content, int limit, out byte* target)
    {
        byte* page = _page.Place(content.Length, rng.Chance(70));
        content.CopyTo(new Span<byte>(page, content.Length));
        target = _encoded.Place(limit, rng.Chance(70));
        _encoded.SetCanaries(target, limit);
        int encoded = PageCodec.TryEncode(form, level, page, content.Length, target, limit);
        _encoded.AssertCanaries(target, limit);
        Assert.True(encoded == -1 || (encoded > 0 && encoded <= limit), $"{form}: {encoded} of {limit}");
        Assert.True(new ReadOnlySpan<byte>(page, content.Length).SequenceEqual(content), $"{form}: the page was written to");
        return encoded;
    }

    private int Recompress(StoredForm form, byte[] stored, int length, int limit, out byte* target)
    {
        byte* source = _source.Place(stored.Length, atEnd: true);
        stored.CopyTo(new Span<byte>(source, stored.Length));
        byte* page = _decoded.Place(length, atEnd: true);
        _decoded.SetCanaries(page, length);
        target = _encoded.Place(limit, atEnd: true);
        _encoded.SetCanaries(target, limit);
        Assert.True(PageCodec.TryDecode(form, source, stored.Length, page, length), $"{form} does not decode");
        int encoded = PageCodec.TryEncode(form with { Codec = Codec.Zstd }, 1, page, length, target, limit);
        _encoded.AssertCanaries(target, limit);
        _decoded.AssertCanaries(page, length);
        Assert.True(encoded == -1 || (encoded > 0 && encoded <= limit), $"{form}: {encoded} of {limit}");
        return encoded;
    }

    private void AssertDecodes(ref Rng rng, StoredForm form, ReadOnlySpan<byte> encoded, byte[] expected)
    {
        byte* source = _source.Place(encoded.Length, rng.Chance(70));
        encoded.CopyTo(new Span<byte>(source, encoded.Length));
        byte* page = _decoded.Place(expected.Length, rng.Chance(70));
        _decoded.SetCanaries(page, expected.Length);
        Assert.True(PageCodec.TryDecode(form, source, encoded.Length, page, expected.Length), $"{form}: {expected.Length} bytes do not decode");
        _decoded.AssertCanaries(page, expected.Length);
        int same = new ReadOnlySpan<byte>(page, expected.Length).CommonPrefixLength(expected);
        Assert.True(same == expected.Length, $"{form}: byte {same} of {expected.Length} has changed");
    }
}
