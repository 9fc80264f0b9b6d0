using System.Runtime.InteropServices;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Stress.Driver;
using Paging.Swap;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs;

/// <summary>Forms in the bits that an entry has for them.</summary>
public sealed unsafe class StoredFormTests
{
    private const uint HalfMask = (1u << StoredForm.HalfBits) - 1;

    [Fact]
    public void Every_form_comes_out_of_its_bits_as_it_went_in()
    {
        int forms = 0;
        var seen = new HashSet<(uint, uint)>();
        foreach (StoredForm form in All())
        {
            (uint codec, uint stride) = (form.PackCodec(), form.PackStride());
            if (codec > HalfMask || stride > HalfMask || StoredForm.Unpack(codec, stride) != form)
                Assert.Fail($"{form}: {codec:x}, {stride:x}");
            seen.Add((codec, stride));
            forms++;
        }

        Assert.Equal(forms, seen.Count);
    }

    [Fact]
    public void All_bits_stand_for_one_form_at_most()
    {
        for (uint codec = 0; codec <= HalfMask; codec++)
        {
            for (uint stride = 0; stride <= HalfMask; stride++)
            {
                StoredForm form = StoredForm.Unpack(codec, stride);
                if (form.IsValid && (form.PackCodec() != codec || form.PackStride() != stride))
                    Assert.Fail($"{form}: {codec:x}, {stride:x}");
            }
        }
    }

    [Fact]
    public void The_bits_stay_as_they_are()
    {
        var form = new StoredForm(Codec.Zstd, new Filter(FilterKind.DeltaBitShuffle, 24, 8), StaysAsIs: false, IsRecompressed: true);
        Assert.Equal((0x172u, 23u), (form.PackCodec(), form.PackStride()));
        form = new StoredForm(Codec.Lz4, new Filter(FilterKind.Shuffle, 512, 1), StaysAsIs: true);
        Assert.Equal((0x085u, 511u), (form.PackCodec(), form.PackStride()));
        Assert.Equal((0u, 0u), (StoredForm.Raw.PackCodec(), StoredForm.Raw.PackStride()));
    }

    [Fact]
    public void A_header_carries_the_form_beside_lengths_of_up_to_4_MiB() => Seeded.Run(static seed =>
    {
        const int Longest = 4 << 20;
        var rng = new Rng(seed);
        StoredForm[] forms = [.. All()];
        var header = (EntryHeader*)NativeMemory.AllocZeroed(EntryHeader.Size + Longest);
        try
        {
            for (int i = 0; i < 3000; i++)
            {
                // The checksum reads all encoded bytes.
                int encoded = i < 6 ? Longest - (i / 3) : rng.Next(64);
                int length = rng.Chance(30) ? Longest : 1 + rng.Next(Longest);
                StoredForm form = forms[rng.Next(forms.Length)];
                ulong id = rng.Next();
                header->Write(id, encoded, length, form);
                Assert.Equal((id, encoded, length, form), (header->Id, header->EncodedLength, header->PageLength, header->Form));
                Assert.True(header->IsIntact());
            }
        }
        finally
        {
            NativeMemory.Free(header);
        }
    });

    [Fact]
    public void A_header_of_another_form_is_not_intact() => Seeded.Run(static seed =>
    {
        var rng = new Rng(seed);
        byte* memory = stackalloc byte[EntryHeader.Size + 40];
        var header = (EntryHeader*)memory;
        header->Write(rng.Next(), 40, 4096, Forms.Encoded(ref rng));
        for (int bit = 0; bit < 64; bit++)
        {
            EntryHeader good = *header;
            (bit < 32 ? ref header->EncodedLengthAndCodec : ref header->PageLengthAndStride) ^= 1u << (bit % 32);

            // A longer encoding would be looked for beyond the memory, which whoever reads a header rules out.
            Assert.True(header->EncodedLength > 40 || !header->IsIntact(), $"bit {bit}");
            *header = good;
        }
    });

    private static IEnumerable<StoredForm> All() =>
        from codec in Enum.GetValues<Codec>()
        from stride in Enumerable.Range(1, Filter.MaxStride)
        from filter in Forms.FiltersOf(stride)
        from flags in Enumerable.Range(0, 4)
        let form = new StoredForm(codec, filter, StaysAsIs: (flags & 1) != 0, IsRecompressed: (flags & 2) != 0)
        where form.IsValid
        select form;
}
