using System.Buffers.Binary;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Feeds the decoding of filtered pages, blocks of long ones among them, with what it should never see, between pages that nobody
/// may touch; and the forms that say how to read it are lies as well.</summary>
internal sealed unsafe class FormFuzz(ulong seed) : FuzzRounds("forms", LongestPage, RoundLength)
{
    private const int LongestPage = 220_000;
    private const int LongestSource = 2 * LongestPage;
    private const int SampleCount = 48;
    private const int RoundLength = 1 << 12;
    private const uint RawBlock = 1u << 31;

    private readonly List<Sample> _samples = [];
    private Rng _rng = new(seed);

    protected override void Prepare()
    {
        _samples.Clear();
        while (_samples.Count < SampleCount)
        {
            // A third of them in blocks.
            int length = _samples.Count % 3 == 0
                ? CodecScratch.BlockBytes + 1 + _rng.Next(LongestPage - CodecScratch.BlockBytes)
                : Samples.Length(ref _rng, 9000);
            byte[] page = PageKinds.Any(ref _rng, length);
            StoredForm form = Forms.Encoded(ref _rng);
            byte[] encoded = new byte[LongestSource];
            int made;
            fixed (byte* from = page, to = encoded)
                made = PageCodec.TryEncode(form, 1, from, length, to, encoded.Length);
            Assert.NotEqual(-1, made);
            _samples.Add(new Sample(form, page, encoded[..made]));
        }
    }

    protected override void Damaged()
    {
        Sample sample = Any();
        StoredForm form = sample.Form;
        int length = sample.Page.Length;
        int made;
        switch (_rng.Next(8))
        {
            case 0:
                made = _rng.Next(2 << _rng.Next(12));
                Content.Write(ContentKind.Noise, _rng.Next(), Bytes.AsSpan(0, made));
                break;
            case 1:
                // Whole, but cut, or read by another form or length.
                sample.Encoded.CopyTo(Bytes, 0);
                made = _rng.Chance(50) ? _rng.Next(sample.Encoded.Length + 1) : sample.Encoded.Length;
                break;
            case 2 or 3 when sample.IsInBlocks:
                sample.Encoded.CopyTo(Bytes, 0);
                made = sample.Encoded.Length;
                ForgePrefix(sample);
                break;
            default:
                made = Damage.Copy(ref _rng, sample.Encoded, Any().Encoded, Bytes);
                break;
        }

        if (_rng.Chance(20))
            form = StoredForm.Unpack((uint)_rng.Next(1 << StoredForm.HalfBits), (uint)_rng.Next(1 << StoredForm.HalfBits));
        if (_rng.Chance(20))
            length = _rng.Chance(50) ? 1 + _rng.Next(LongestPage) : Math.Clamp(length + _rng.Next(33) - 16, 1, LongestPage);

        bool decoded = !Decode(form, Bytes.AsSpan(0, made), length).IsEmpty;
        bool isFiltered = form.Codec != Codec.Raw && form.Filter.Kind != FilterKind.None;
        Assert.False(decoded && ((isFiltered && !form.IsValid) || form.Codec > Codec.Zstd), $"{form} is none, and was read");
    }

    /// <summary>Says of a block that it is longer or shorter than it is, or raw when it is not.</summary>
    private void ForgePrefix(Sample sample)
    {
        int at = 0;
        int block = _rng.Next(3);
        for (int i = 0; i < block; i++)
        {
            int next = at + sizeof(uint) + (int)(Prefix(sample.Encoded, at) & ~RawBlock);
            if (next > sample.Encoded.Length - sizeof(uint))
                break;
            at = next;
        }

        uint prefix = Prefix(sample.Encoded, at);
        uint rest = (uint)(sample.Encoded.Length - at - sizeof(uint));
        uint forged = _rng.Next(11) switch
        {
            0 => 0,
            1 => RawBlock,
            2 => uint.MaxValue,
            3 => int.MaxValue,
            4 => rest + 1,
            5 => (rest + 1) | RawBlock,
            6 => rest,
            7 => prefix ^ RawBlock,
            8 => prefix + 1,
            9 => prefix - 1,
            _ => CodecScratch.BlockBytes | RawBlock,
        };
        BinaryPrimitives.WriteUInt32LittleEndian(Bytes.AsSpan(at), forged);
    }

    private static uint Prefix(ReadOnlySpan<byte> encoded, int at) => BinaryPrimitives.ReadUInt32LittleEndian(encoded[at..]);

    /// <summary>What was decoded before leaves no trace.</summary>
    protected override void Intact()
    {
        Sample sample = Any();
        ReadOnlySpan<byte> page = Decode(sample.Form, sample.Encoded, sample.Page.Length);
        Assert.True(page.SequenceEqual(sample.Page), $"an intact page does not decode: {sample.Form}");
    }

    /// <returns>The page, or nothing.</returns>
    private ReadOnlySpan<byte> Decode(StoredForm form, ReadOnlySpan<byte> encoded, int length)
    {
        byte* source = Source.Place(encoded.Length, atEnd: _rng.Chance(70));
        encoded.CopyTo(new Span<byte>(source, encoded.Length));
        byte* page = Page.Place(length, atEnd: _rng.Chance(60));
        Page.SetCanaries(page, length);
        bool decoded = PageCodec.TryDecode(form, source, encoded.Length, page, length);
        Page.AssertCanaries(page, length);
        return decoded ? new ReadOnlySpan<byte>(page, length) : default;
    }

    private Sample Any() => _samples[_rng.Next(_samples.Count)];

    private sealed record Sample(StoredForm Form, byte[] Page, byte[] Encoded)
    {
        public bool IsInBlocks => Page.Length > CodecScratch.BlockBytes && Form.Filter.Kind != FilterKind.None;
    }
}
