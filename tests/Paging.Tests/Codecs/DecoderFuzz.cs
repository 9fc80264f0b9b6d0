using Paging.Stress.Driver;

namespace Paging.Tests.Codecs;

/// <summary>Feeds a decoder with what it should never see, between pages that nobody may touch. A decoder that reads or writes beyond its
/// ends takes the process with it; one that throws, or is not itself afterwards, fails.</summary>
internal sealed unsafe class DecoderFuzz(FuzzTarget target, ulong seed) : FuzzRounds($"{target}", LongestPage, RoundLength)
{
    private const int LongestPage = 300_000;
    private const int SampleCount = 64;

    /// <summary>Cases that damage the same samples.</summary>
    private const int RoundLength = 1 << 15;
    private static readonly int[] s_levels = [1, 3, 7, 16];
    private readonly List<Sample> _samples = [];
    private Rng _rng = new(seed);

    protected override void Prepare()
    {
        _samples.Clear();
        while (_samples.Count < SampleCount)
        {
            byte[] page = Samples.Page(ref _rng, _samples.Count % Samples.Kinds, Samples.Length(ref _rng, LongestPage));
            byte[] encoded = new byte[page.Length + 4096];
            int length;
            fixed (byte* from = page, to = encoded)
                length = target.Encode(from, page.Length, to, encoded.Length, s_levels[_rng.Next(s_levels.Length)]);
            Assert.NotEqual(-1, length);
            _samples.Add(new Sample(page, encoded[..length]));
        }
    }

    protected override void Damaged()
    {
        Sample sample = Any();
        int length = _rng.Next(8) switch
        {
            0 => 1 + _rng.Next(2 * sample.Page.Length),
            1 => sample.Page.Length + _rng.Next(33),
            2 => 1 + _rng.Next(64),
            _ => sample.Page.Length,
        };
        length = Math.Min(length, LongestPage);
        int made;
        switch (_rng.Next(8))
        {
            case 0:
                made = 1 + _rng.Next(2 << _rng.Next(12));
                Content.Write(ContentKind.Noise, _rng.Next(), Bytes.AsSpan(0, made));
                break;
            case 1 or 2:
                int around = 1 + _rng.Next(2 << _rng.Next(12));
                made = target == FuzzTarget.Zstd
                    ? Forgery.Zstd(ref _rng, length, around, Bytes)
                    : Forgery.Lz4(ref _rng, length, around, Bytes);
                break;
            default:
                made = Damage.Copy(ref _rng, sample.Encoded, Any().Encoded, Bytes);
                break;
        }

        Decode(Bytes.AsSpan(0, made), length);
    }

    /// <summary>What was decoded before leaves no trace in the decoder.</summary>
    protected override void Intact()
    {
        Sample sample = Any();
        ReadOnlySpan<byte> page = Decode(sample.Encoded, sample.Page.Length);
        Assert.True(page.SequenceEqual(sample.Page), "an intact page does not decode");
    }

    /// <returns>The page, or nothing.</returns>
    private ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> encoded, int length)
    {
        byte* source = Source.Place(encoded.Length, atEnd: _rng.Chance(60));
        encoded.CopyTo(new Span<byte>(source, encoded.Length));
        byte* page = Page.Place(length, atEnd: _rng.Chance(60));
        Page.SetCanaries(page, length);
        bool decoded = target.TryDecode(source, encoded.Length, page, length);
        Page.AssertCanaries(page, length);
        return decoded ? new ReadOnlySpan<byte>(page, length) : default;
    }

    private Sample Any() => _samples[_rng.Next(_samples.Count)];

    private sealed record Sample(byte[] Page, byte[] Encoded);
}
