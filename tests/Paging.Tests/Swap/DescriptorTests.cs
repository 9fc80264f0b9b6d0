using FsCheck.Fluent;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Swap;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap;

/// <summary>Swap descriptors: ids that name one page and then nothing, references, and locations in a word.</summary>
public sealed unsafe class DescriptorTests
{
    [Fact]
    public void A_freed_id_names_nothing_even_when_its_descriptor_lives_again() => Using(static table =>
    {
        uint index = table.Take(isPublic: true);
        ulong id = table.Id(index);
        Assert.Equal(index, table.Find(id));
        Drop(table, id);
        Assert.Equal(0u, table.Find(id));
        Assert.False(table.TryAddReference(id));
        Assert.False(table.TryRelease(id, out _));

        Assert.Equal(index, table.Take(isPublic: true));
        ulong next = table.Id(index);
        Assert.NotEqual(id, next);
        Assert.Equal(0u, table.Find(id));
        Assert.Equal(index, table.Find(next));
        Assert.False(table.TryAddReference(id));
        Assert.False(table.TryRelease(id, out _));
    });

    [Fact]
    public void Forged_ids_and_those_of_arrays_name_nothing() => Using(static table =>
    {
        uint theirs = table.Take(isPublic: true);
        uint ours = table.Take(isPublic: false);
        Assert.Equal(0u, table.Find(0));
        Assert.Equal(0u, table.Find(table.Id(ours)));
        Assert.Equal(0u, table.Find(table.Id(theirs) + (1ul << 32)));
        Assert.Equal(0u, table.Find(table.Id(theirs) + 10));
        Assert.Equal(0u, table.Find(ulong.MaxValue));
        Assert.Equal(0u, table.Find(theirs));
    });

    [Fact]
    public void Only_the_last_reference_ends_a_page() => Using(static table =>
    {
        ulong id = table.Id(table.Take(isPublic: true));
        Assert.True(table.TryAddReference(id));
        Assert.True(table.TryAddReference(id));
        Assert.True(table.TryRelease(id, out bool last));
        Assert.False(last);
        Assert.True(table.TryRelease(id, out last));
        Assert.False(last);
        Assert.True(table.TryRelease(id, out last));
        Assert.True(last);
        Assert.False(table.TryRelease(id, out _));
    });

    [Fact]
    public void One_reference_too_many_is_refused_and_the_others_stay() => Using(static table =>
    {
        uint index = table.Take(isPublic: true);
        ulong id = table.Id(index);
        ulong full = Internals.Table(table)[index].Life | (int.MaxValue >> 1);
        Internals.Table(table)[index].Life = full;
        Assert.Throws<InvalidOperationException>(() => table.TryAddReference(id));
        Assert.Equal(full, Internals.Table(table)[index].Life);
        Assert.True(table.TryRelease(id, out bool last));
        Assert.False(last);
        Assert.True(table.TryAddReference(id));
        Assert.Equal(id, table.Id(index));
    });

    [Fact]
    public void Descriptors_are_used_again_before_new_ones() => Using(static table =>
    {
        uint[] first = [.. Enumerable.Range(0, 100).Select(_ => table.Take(isPublic: false))];
        Assert.Equal([.. Enumerable.Range(1, 100).Select(static i => (uint)i)], first);
        long bytes = table.Bytes;
        foreach (uint index in first)
        {
            Drop(table, table.Id(index));
        }

        uint[] second = [.. Enumerable.Range(0, 100).Select(_ => table.Take(isPublic: false))];
        Assert.Equal([.. first.Reverse()], second);
        Assert.Equal(bytes, table.Bytes);
        Assert.Equal(101u, table.Take(isPublic: false));
    });

    [Fact]
    public void A_location_is_moved_from_where_it_is_and_taken_once() => Using(static table =>
    {
        uint index = table.Take(isPublic: false);
        Location first = Location.InSegment(3, 160, 7);
        Location second = Location.InSegment(4, 0, 7);
        table.Publish(index, first, 11, 12);
        Assert.Equal((first, (11ul, 12ul)), (table.Locate(index), table.Details(index)));
        Assert.True(table.IsAnyIn(3));
        Assert.False(table.TryMove(index, second, first));
        Assert.True(table.TryMove(index, first, second));
        Assert.False(table.TryMove(index, first, second));
        Assert.False(table.IsAnyIn(3));
        Assert.True(table.IsAnyIn(4));
        Assert.Equal(second, table.TakeLocation(index));
        Assert.False(table.TryMove(index, second, first));
        Assert.Equal(Location.Kind.None, table.TakeLocation(index).Where);
    });

    [Fact]
    public void Every_place_in_a_segment_fits_a_location() => Seeded.Check(
        5_000,
        from segment in Gen.OneOf(Gen.Choose(0, Location.MaxSegments - 1), Gen.Elements(0, Location.MaxSegments - 1))
        from offset in Gen.OneOf(Gen.Choose(0, (1 << 21) - 1), Gen.Elements(0, (1 << 21) - 1))
        from units in Gen.OneOf(
            Gen.Choose(1, EntryHeader.UnitsFor(SwapStore.MaxPageBytes)), Gen.Constant(EntryHeader.UnitsFor(SwapStore.MaxPageBytes)))
        select (Segment: segment, Offset: offset << Location.UnitShift, Units: units),
        static _ => [],
        static place =>
        {
            Location location = Location.InSegment(place.Segment, place.Offset, place.Units);
            Assert.Equal(
                (Location.Kind.Segment, place.Segment, place.Offset, place.Units),
                (location.Where, location.Segment, location.Offset, location.Units));
        });

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(SwapStore.MaxPageBytes)]
    public void Every_page_length_fits_a_pattern(int length)
    {
        Location location = Location.AsPattern(length);
        Assert.Equal((Location.Kind.Pattern, length), (location.Where, location.PatternLength));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(SwapStore.MaxPageBytes)]
    public void A_header_says_how_long_its_entry_is(int length)
    {
        byte[] memory = new byte[EntryHeader.Size + length];
        fixed (byte* start = memory)
        {
            EntryHeader* header = (EntryHeader*)start;
            foreach (StoredForm form in s_forms)
            {
                header->Write(0x5_0000_0007, length, SwapStore.MaxPageBytes, form);
                Assert.Equal(
                    (length, SwapStore.MaxPageBytes, form, EntryHeader.UnitsFor(length)),
                    (header->EncodedLength, header->PageLength, header->Form, header->Units));
                Assert.True(header->Units << Location.UnitShift >= EntryHeader.Size + length);
                Assert.True(header->IsIntact());
            }
        }
    }

    private static readonly StoredForm[] s_forms =
    [
        StoredForm.Raw,
        StoredForm.Raw with { StaysAsIs = true },
        new StoredForm(Codec.Lz4, new Filter(FilterKind.Shuffle, 8, 1)),
        new StoredForm(Codec.Lz4, new Filter(FilterKind.DeltaShuffle, Filter.MaxStride, 8), StaysAsIs: true),
        new StoredForm(Codec.Zstd, Filter.None, IsRecompressed: true),
    ];

    [Fact]
    public void Metadata_is_no_larger_than_promised()
    {
        Assert.Equal(32, sizeof(Descriptor));
        Assert.Equal(64, sizeof(Segment));
        Assert.Equal(32, sizeof(Paging.Memory.FrameRecord));
        Assert.Equal(EntryHeader.Size, sizeof(EntryHeader));
    }

    /// <summary>Gives the last reference back.</summary>
    internal static void Drop(DescriptorTable table, ulong id)
    {
        Assert.True(table.TryRelease(id, out bool last));
        Assert.True(last);
        table.TakeLocation((uint)id);
        table.Recycle((uint)id);
    }

    private static void Using(Action<DescriptorTable> test)
    {
        var table = new DescriptorTable();
        try
        {
            test(table);
        }
        finally
        {
            table.Release();
        }
    }
}
