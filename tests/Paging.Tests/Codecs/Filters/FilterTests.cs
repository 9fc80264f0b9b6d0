using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Paging.Codecs.Filters;
using Paging.Tests.Model;

namespace Paging.Tests.Codecs.Filters;

/// <summary>Every filter against its definition, at every level of instructions that the machine has, at the edge of the memory.</summary>
public sealed unsafe class FilterTests : IDisposable
{
    private static readonly int[] s_strides = [.. Enumerable.Range(1, 70), 96, 127, 128, 255, 256, 511, 512];

    private readonly GuardedBuffer _source = new(PageFilters.MaxLength);
    private readonly GuardedBuffer _target = new(PageFilters.MaxLength);
    private readonly GuardedBuffer _scratch = new(PageFilters.MaxLength);

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
        _scratch.Dispose();
    }

    public static TheoryData<byte> Kinds => [.. Enum.GetValues<FilterKind>().Cast<byte>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_stride_and_lane_is_as_defined_and_can_be_undone(byte kind) => Seeded.Run(seed =>
    {
        Random random = new((int)seed);
        foreach (int stride in s_strides)
        {
            foreach (Filter filter in FiltersOf((FilterKind)kind, stride))
            {
                // Some blocks and what is left over, at most a page of 4 KiB.
                int length = Math.Min((stride * random.Next(150)) + random.Next(stride), 4 << 10);
                CheckAllLevels(filter, Contents.Make(random, length));
            }
        }
    });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_short_length_is_as_defined_and_can_be_undone(byte kind) => Seeded.Run(seed =>
    {
        Random random = new((int)seed);
        for (int length = 0; length <= 300; length++)
        {
            int stride = random.Next(1, 24);
            foreach (Filter filter in FiltersOf((FilterKind)kind, stride))
            {
                CheckAllLevels(filter, Contents.Make(random, length));
            }
        }
    });

    [Theory]
    [InlineData(4 << 10)]
    [InlineData(16 << 10)]
    [InlineData((16 << 10) - 4)]
    [InlineData(64 << 10)]
    public void Whole_pages_of_common_records_are_as_defined_and_can_be_undone(int length) => Seeded.Run(seed =>
    {
        Random random = new((int)seed);
        int[] strides = [1, 2, 3, 4, 8, 12, 16, 24, 28, 32, 40, 512];
        foreach (FilterKind kind in Enum.GetValues<FilterKind>())
        {
            // Of the longest pages a part each time: they differ from the others in the number of blocks only.
            random.Shuffle(strides);
            foreach (int stride in strides.Take(length > 16 << 10 ? 2 : strides.Length))
            {
                Filter[] filters = [.. FiltersOf(kind, stride)];
                CheckAllLevels(filters[random.Next(filters.Length)], Contents.Make(random, length));
            }
        }
    });

    [Fact]
    public void Any_filter_of_any_page_is_as_defined_and_can_be_undone()
    {
        Gen<Case> cases =
            from kind in Gen.Elements(Enum.GetValues<FilterKind>())
            from stride in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(1, Filter.MaxStride))
            from lane in Gen.Elements(1, 2, 4, 8)
            from length in Gen.OneOf(Gen.Choose(0, 200), Gen.Choose(0, 9 << 10))
            from seed in Gen.Choose(0, int.MaxValue - 1)
            select new Case(Valid(kind, stride, lane), length, seed);
        Seeded.Check(150, cases, Shrink, c => CheckAllLevels(c.Filter, Contents.Make(new Random(c.Seed), c.Length)));
    }

    [Fact]
    public void Undoing_what_was_never_a_page_stays_within_the_buffers() => Seeded.Run(seed =>
    {
        Random random = new((int)seed);
        for (int i = 0; i < 100; i++)
        {
            FilterKind kind = (FilterKind)random.Next((int)FilterKind.XorBitShuffle + 1);
            Filter filter = Valid(kind, random.Next(1, 80), 1 << random.Next(4));
            byte[] noise = new byte[random.Next(3000)];
            random.NextBytes(noise);
            byte[]? first = null;
            foreach (SimdLevel level in Levels)
            {
                byte[] undone = Run(noise, i % 2 == 0, (source, target, scratch) =>
                    PageFilters.Undo(filter, (byte*)source, (byte*)target, (byte*)scratch, noise.Length, level));
                first ??= undone;
                Assert.Equal(first, undone);
            }
        }
    });

    [Theory]
    [InlineData(FilterKind.None, 3, 1, "0041840950992471C051A4F990E944E140A144A910B9249140B124D950C98401")]
    [InlineData(FilterKind.Shuffle, 3, 1, "0009245190E144B940D9415071A4E940A924B1508499C0F944A1109124C98401")]
    [InlineData(FilterKind.BitShuffle, 3, 1, "AA00448298A468B05500885006DC3758AA00110ACA281CAF40B124D950C98401")]
    [InlineData(FilterKind.DeltaShuffle, 3, 1, "0012365A7EA2C6EAF1CD821E42668AAED2F6E5C1F72A4E7296BADEFDD9B58401")]
    [InlineData(FilterKind.DeltaShuffle, 6, 2, "0048D897F88260F0800F0878F767281390E050405FA8C73758CDC0B020708401")]
    [InlineData(FilterKind.DeltaBitShuffle, 3, 1, "00FE54981EB4D8E000FFAA32C2A8CCF1817FD5E6F9ABCDF1F1E5D9CDC1B58401")]
    [InlineData(FilterKind.DeltaBitShuffle, 4, 4, "3C3C3C3C3CC2681204050404FAC2687F606868696868C2C847474646B93C9646")]
    [InlineData(FilterKind.XorBitShuffle, 3, 1, "FE00CC86A8ECB8D0FF0098F00A6459E8FE00331E5E7824F1F995B599E1ED8401")]
    internal void The_stored_form_stays_as_it_is(FilterKind kind, int stride, int lane, string stored)
    {
        byte[] page = [.. Enumerable.Range(0, 32).Select(i => (byte)((i * i) + (i % 3 * 64)))];
        Filter filter = new(kind, stride, lane);
        foreach (SimdLevel level in Levels)
        {
            byte[] applied = Run(page, guardBehind: true, (source, target, scratch) =>
                PageFilters.Apply(filter, (byte*)source, (byte*)target, (byte*)scratch, page.Length, level));
            Assert.Equal(stored, Convert.ToHexString(applied));
        }
    }

    [Fact]
    public void Filters_allocate_nothing()
    {
        byte* source = _source.Take(4096, guardBehind: true);
        byte* target = _target.Take(4096, guardBehind: true);
        byte* scratch = _scratch.Take(4096, guardBehind: true);
        Filter[] filters = [.. Enum.GetValues<FilterKind>().SelectMany(kind => FiltersOf(kind, 24))];
        foreach (SimdLevel level in Levels)
        {
            ApplyAndUndo(level); // its types are initialised
            Assert.Equal(0, Allocations.Least(() => ApplyAndUndo(level), uses: 1));
        }

        void ApplyAndUndo(SimdLevel level)
        {
            foreach (Filter filter in filters)
            {
                PageFilters.Apply(filter, source, target, scratch, 4096, level);
                PageFilters.Undo(filter, target, source, scratch, 4096, level);
            }
        }
    }

    [Theory]
    [InlineData(FilterKind.None, 1, 1, true)]
    [InlineData(FilterKind.Shuffle, 512, 1, true)]
    [InlineData(FilterKind.DeltaShuffle, 24, 8, true)]
    [InlineData(FilterKind.DeltaBitShuffle, 6, 2, true)]
    [InlineData(FilterKind.XorBitShuffle, 7, 1, true)]
    [InlineData(FilterKind.Shuffle, 0, 1, false)]
    [InlineData(FilterKind.Shuffle, 513, 1, false)]
    [InlineData(FilterKind.Shuffle, -1, 1, false)]
    [InlineData(FilterKind.Shuffle, 8, 8, false)]
    [InlineData(FilterKind.XorBitShuffle, 8, 4, false)]
    [InlineData(FilterKind.DeltaShuffle, 12, 8, false)]
    [InlineData(FilterKind.DeltaShuffle, 12, 3, false)]
    [InlineData(FilterKind.DeltaShuffle, 12, 0, false)]
    [InlineData((FilterKind)6, 1, 1, false)]
    internal void A_filter_is_valid_within_its_bounds(FilterKind kind, int stride, int lane, bool valid) =>
        Assert.Equal(valid, new Filter(kind, stride, lane).IsValid);

    private static IEnumerable<SimdLevel> Levels => Enum.GetValues<SimdLevel>().Where(level => level <= SimdLevels.Supported);

    private static IEnumerable<Filter> FiltersOf(FilterKind kind, int stride) =>
        new[] { 1, 2, 4, 8 }.Select(lane => new Filter(kind, stride, lane)).Where(filter => filter.IsValid);

    private static Filter Valid(FilterKind kind, int stride, int lane)
    {
        Filter filter = new(kind, stride, lane);
        return filter.IsValid ? filter : new Filter(kind, stride, 1);
    }

    private static IEnumerable<Case> Shrink(Case c)
    {
        foreach (int length in Seeded.Shrink(c.Length))
        {
            yield return c with { Length = length };
        }

        foreach (int stride in Seeded.Shrink(c.Filter.Stride).Where(stride => stride > 0))
        {
            yield return c with { Filter = Valid(c.Filter.Kind, stride, c.Filter.LaneBytes) };
        }
    }

    private void CheckAllLevels(Filter filter, byte[] page)
    {
        byte[] expected = ReferenceFilters.Apply(filter, page);
        foreach (SimdLevel level in Levels)
        {
            foreach (bool guardBehind in new[] { true, false })
            {
                string where = string.Create(CultureInfo.InvariantCulture, $"{filter}, {page.Length} bytes, {level}");
                byte[] applied = Run(page, guardBehind, (source, target, scratch) =>
                    PageFilters.Apply(filter, (byte*)source, (byte*)target, (byte*)scratch, page.Length, level));
                Assert.True(expected.AsSpan().SequenceEqual(applied), $"Apply: {where}");
                byte[] undone = Run(expected, guardBehind, (source, target, scratch) =>
                    PageFilters.Undo(filter, (byte*)source, (byte*)target, (byte*)scratch, page.Length, level));
                Assert.True(page.AsSpan().SequenceEqual(undone), $"Undo: {where}");
            }
        }
    }

    /// <summary>Runs a transform in guarded buffers, and sees to it that the input is left as it was.</summary>
    private byte[] Run(byte[] input, bool guardBehind, Action<nint, nint, nint> transform)
    {
        byte* source = _source.Take(input.Length, guardBehind);
        byte* target = _target.Take(input.Length, guardBehind);
        byte* scratch = _scratch.Take(input.Length, guardBehind);
        input.CopyTo(new Span<byte>(source, input.Length));
        transform((nint)source, (nint)target, (nint)scratch);
        Assert.True(new ReadOnlySpan<byte>(source, input.Length).SequenceEqual(input), "The source was written.");
        GuardedBuffer.CheckMargin(target, input.Length, guardBehind);
        GuardedBuffer.CheckMargin(scratch, input.Length, guardBehind);
        return new ReadOnlySpan<byte>(target, input.Length).ToArray();
    }

    private sealed record Case(Filter Filter, int Length, int Seed);
}
