using System.Runtime.InteropServices;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;
using Paging.Tests.Formats;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs;

/// <summary>Chunks of blosc: what is encoded comes back, what others encode is read, and damage is found or harmless, never more.</summary>
public sealed unsafe class BloscChunkTests : IDisposable
{
    private const int Longest = 300_000;

    /// <summary>Of the longest data in blocks of one byte, split into streams of one byte: each has its place in the table, and its length.</summary>
    private const int LongestChunk = (9 * Longest) + BloscChunk.HeaderBytes;

    private readonly GuardedBuffer _source = new(LongestChunk);
    private readonly GuardedBuffer _target = new(Longest);
    private readonly GuardedBuffer _filters = new(2 * Longest);

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
        _filters.Dispose();
    }

    [Fact]
    public void The_checksum_is_that_of_Castagnoli()
    {
        Assert.Equal(0xE3069283, Crc32C.Of("123456789"u8));
        Seeded.Run(static seed =>
        {
            var rng = new Rng(seed);
            byte[] data = new byte[rng.Next(200)];
            Content.Write(ContentKind.Noise, rng.Next(), data.AsSpan());
            Assert.Equal(Zarr.Crc(data), Crc32C.Of(data));
        });
    }

    /// <summary>256 numbers of 32 bits, each 3 more than the one before, as c-blosc has encoded them: with LZ4 behind a shuffle of bytes, in streams
    /// for each byte; with Zstd behind one of bits, in two blocks.</summary>
    [Theory]
    [InlineData(
        "AgEhBAAEAAAABAAATwEAABQAAAAAAQAAAAMGCQwPEhUYGx4hJCcqLTAzNjk8P0JFSEtOUVRXWl1gY2ZpbG9ydXh7foGEh4qNkJOWmZyfoqWoq66xtLe6vcDDxsnMz9LV2Nve4eTn6u3w" +
        "8/b5/P8CBQgLDhEUFxodICMmKSwvMjU4Oz5BREdKTVBTVllcX2JlaGtucXR3en2Ag4aJjI+SlZibnqGkp6qtsLO2uby/wsXIy87R1Nfa3eDj5uns7/L1+Pv+AQQHCg0QExYZHB8iJSgr" +
        "LjE0Nzo9QENGSUxPUlVYW15hZGdqbXBzdnl8f4KFiIuOkZSXmp2go6aprK+ytbi7vsHEx8rN0NPW2dzf4uXo6+7x9Pf6/RUAAAAfAAEAQh8BAQBBHwIBADxQAgICAgILAAAAHwABAOdQ" +
        "AAAAAAALAAAAHwABAOdQAAAAAAA=")]
    [InlineData(
        "AgGUBAAEAAAAAgAAvQAAABgAAABpAAAATQAAACi1L/1gAAEdAgBkAqqqZrQ4x8AHP/gA+D8A/wfA/wDA//8HAAD//z8AAPj//wAAAMD/DCAwg+QBYwoAgEXqYh6gFpYWj8uVUcd2Qg5Y" +
        "UAAAACi1L/1gAAE1AgB0AqqqZrQ4x8AHP/gA+D8A/wfA/wDA//8HAAD//z8AAPj/BwAABwD4AAwgAIPkAVysxMOXxF/YxYAONQo+HImMO6YT8sUC")]
    public void What_c_blosc_has_encoded_is_read(string chunk)
    {
        byte[] read = Decode(Convert.FromBase64String(chunk), 1024)!;
        Assert.Equal(Enumerable.Range(0, 256).Select(static i => 3 * i), MemoryMarshal.Cast<byte, int>(read).ToArray());
    }

    [Fact]
    public void What_is_encoded_comes_back() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 300; i++)
        {
            int length = i % 10 == 0 ? 1 + (int)rng.Next((long)Longest) : 1 + rng.Next(20_000);
            byte[] data = Data(ref rng, length);
            int stride = 1 + rng.Next(rng.Chance(50) ? 16 : 255);
            Filter filter = rng.Next(3) switch
            {
                0 => Filter.None,
                1 => new Filter(FilterKind.Shuffle, stride, 1),
                _ => new Filter(FilterKind.BitShuffle, stride, 1),
            };
            var form = new StoredForm((Codec)rng.Next(3), filter);
            byte[] chunk = Encode(form, data);
            Assert.InRange(chunk.Length, BloscChunk.HeaderBytes + 1, BloscChunk.MaxBytes(length));
            Assert.True(data.AsSpan().SequenceEqual(Decode(chunk, length)), $"{form} of {length} bytes came back as others");
        }
    });

    [Fact]
    public void What_others_encode_is_read() => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        for (int i = 0; i < 200; i++)
        {
            int element = 1 + rng.Next(20);
            int length = element * (1 + rng.Next(i % 10 == 0 ? Longest / element : 2_000));
            byte[] data = Data(ref rng, length);
            int block = Math.Min(length, element * (1 + rng.Next(3_000)));
            bool isSplit = rng.Chance(50);
            byte[] chunk = Zarr.Blosc(data, element, rng.Chance(50) ? 1 : 4, rng.Next(3), block, isSplit);
            Assert.True(
                data.AsSpan().SequenceEqual(Decode(chunk, length)), $"{length} bytes in elements of {element}, blocks of {block}, split: {isSplit}");
        }
    });

    [Fact]
    public void Blocks_and_streams_of_one_byte_are_read()
    {
        byte[] data = new byte[Longest];
        Content.Write(ContentKind.Noise, 1, data.AsSpan());
        byte[] chunk = Zarr.Blosc(data, 1, 1, 0, block: 1, isSplit: true);
        Assert.Equal(LongestChunk, chunk.Length);
        Assert.True(data.AsSpan().SequenceEqual(Decode(chunk, Longest)));
    }

    [Fact]
    public void Lengths_that_are_wrong_are_refused()
    {
        byte[] data = [.. Enumerable.Range(0, 4_000).Select(static i => (byte)(i / 16))];
        byte[] chunk = Zarr.Blosc(data, 4, 1, 1, 1_000, isSplit: true);
        Assert.NotNull(Decode(chunk, 4_000));
        Assert.Null(Decode(chunk, 3_999));
        Assert.Null(Decode(chunk, 4_001));
        Assert.Null(Decode(chunk[..^1], 4_000));
        Assert.Null(Decode([.. chunk, 0], 4_000));
        for (int length = 0; length < chunk.Length; length++)
        {
            byte[] cut = chunk[..length];
            Assert.Null(Decode(cut, 4_000));
            if (length >= 16)
            {
                // As if it were right.
                BitConverter.TryWriteBytes(cut.AsSpan(12), length);
                _ = Decode(cut, 4_000);
            }
        }
    }

    /// <summary>There is no checksum at this level: a damaged chunk may decode to something else. But only within its buffers.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 2)]
    [InlineData(4, 1)]
    public void Damage_stays_within_the_buffers(int codec, int filter) => Seeded.Run(seed =>
    {
        var rng = new Rng(seed);
        byte[] data = Data(ref rng, 3_000);
        byte[] chunk = Zarr.Blosc(data, 3, codec, filter, 999, isSplit: true);
        for (int i = 0; i < chunk.Length; i++)
        {
            byte right = chunk[i];
            for (int bit = 0; bit < (i < 64 ? 8 : 1); bit++)
            {
                chunk[i] = (byte)(right ^ (1 << (i < 64 ? bit : rng.Next(8))));
                _ = Decode(chunk, 3_000);
            }

            chunk[i] = right;
        }

        for (int i = 0; i < 20_000; i++)
        {
            byte[] forged = [.. chunk];
            for (int j = rng.Next(6); j >= 0; j--)
                forged[rng.Next(rng.Chance(50) ? 40 : forged.Length)] = (byte)rng.Next(256);
            BitConverter.TryWriteBytes(forged.AsSpan(4), 3_000);
            BitConverter.TryWriteBytes(forged.AsSpan(12), forged.Length);
            _ = Decode(forged, 3_000);
        }
    });

    private static byte[] Data(ref Rng rng, int length)
    {
        byte[] data = new byte[length];
        Content.Write(Content.Pick(ref rng), rng.Next(), data.AsSpan());
        return data;
    }

    private byte[] Encode(StoredForm form, byte[] data)
    {
        byte* source = _source.Take(data.Length, guardBehind: true);
        data.CopyTo(new Span<byte>(source, data.Length));
        int most = BloscChunk.MaxBytes(data.Length);
        byte* target = _filters.Take(most, guardBehind: true);
        int length = BloscChunk.Encode(form, 4, 1, source, data.Length, target);
        GuardedBuffer.CheckMargin(target, most, guardBehind: true);
        return new ReadOnlySpan<byte>(target, length).ToArray();
    }

    private byte[]? Decode(byte[] chunk, int length)
    {
        byte* source = _source.Take(chunk.Length, guardBehind: true);
        chunk.CopyTo(new Span<byte>(source, chunk.Length));
        byte* target = _target.Take(length, guardBehind: true);
        byte* filters = _filters.Take(2 * length, guardBehind: true);
        bool isRead = BloscChunk.TryDecode(source, chunk.Length, target, length, filters, filters + length);
        GuardedBuffer.CheckMargin(target, length, guardBehind: true);
        GuardedBuffer.CheckMargin(filters, 2 * length, guardBehind: true);
        return isRead ? new ReadOnlySpan<byte>(target, length).ToArray() : null;
    }
}
