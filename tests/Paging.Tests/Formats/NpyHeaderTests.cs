using System.Runtime.InteropServices;
using Paging.Formats;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Formats;

/// <summary>Headers of .npy files: what NumPy writes is read, what cannot be mapped is refused with what it is, and what is damaged is an exception
/// and never anything else.</summary>
public sealed class NpyHeaderTests
{
    private static readonly byte[] s_data = new byte[24];

    private static NpyHeader Read(byte[] file) => NpyHeader.Read("the file", file.Length, Bytes.Reader(file));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void All_versions_are_read(int major)
    {
        byte[] file = Npy.File("'<f4'", "(2, 3)", s_data, major);
        NpyHeader header = Read(file);
        Assert.Equal([2L, 3L], header.Shape.ToList());
        Assert.Equal(file.Length - s_data.Length, header.DataOffset);
        Assert.True(header.Element.Holds<float>());
    }

    [Theory]
    [InlineData("(6,)", new long[] { 6 })]
    [InlineData("()", new long[0])]
    [InlineData("(1, 2, 3, 1)", new long[] { 1, 2, 3, 1 })]
    [InlineData("(3L, 2L)", new long[] { 3, 2 })]
    [InlineData("(0, 5)", new long[] { 0, 5 })]
    public void Shapes_of_any_dimensions_are_read(string shape, long[] expected) =>
        Assert.Equal(expected, Read(Npy.File("'<f4'", shape, s_data)).Shape.ToList());

    [Theory]
    [InlineData("'|b1'", typeof(bool))]
    [InlineData("'|i1'", typeof(sbyte))]
    [InlineData("'|u1'", typeof(byte))]
    [InlineData("'<i2'", typeof(short))]
    [InlineData("'<u2'", typeof(ushort))]
    [InlineData("'<i4'", typeof(int))]
    [InlineData("'<u4'", typeof(uint))]
    [InlineData("'<i8'", typeof(long))]
    [InlineData("'<u8'", typeof(ulong))]
    [InlineData("'<f2'", typeof(Half))]
    [InlineData("'<f4'", typeof(float))]
    [InlineData("\"=f8\"", typeof(double))]
    public void A_type_is_its_own_and_no_other(string descr, Type type)
    {
        NpyElement element = Read(Npy.File(descr, "(1,)", s_data)).Element;
        Assert.Equal(type == typeof(bool), element.Holds<bool>());
        Assert.Equal(type == typeof(sbyte), element.Holds<sbyte>());
        Assert.Equal(type == typeof(byte), element.Holds<byte>());
        Assert.Equal(type == typeof(short), element.Holds<short>());
        Assert.Equal(type == typeof(ushort), element.Holds<ushort>());
        Assert.False(element.Holds<char>());
        Assert.Equal(type == typeof(int), element.Holds<int>());
        Assert.Equal(type == typeof(uint), element.Holds<uint>());
        Assert.Equal(type == typeof(long), element.Holds<long>());
        Assert.Equal(type == typeof(ulong), element.Holds<ulong>());
        Assert.Equal(type == typeof(Half), element.Holds<Half>());
        Assert.Equal(type == typeof(float), element.Holds<float>());
        Assert.Equal(type == typeof(double), element.Holds<double>());
        Assert.Contains(type.Name, element.Advice(128), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'|V12'")]
    [InlineData("[('x', '<f4'), ('y', '<f4'), ('z', '<f4')]")]
    [InlineData("[('x', '<f4', (3,))]")]
    [InlineData("[('x', '<u2', 4), ('', '|V4')]")]
    [InlineData("[(('a title', 'x'), '<i8'), ('y', [('a', '|u1'), ('b', '<i2'), ('it\\'s', '|b1')])]")]
    public void Records_are_had_as_structs_of_their_size(string descr)
    {
        NpyElement element = Read(Npy.File(descr, "(2,)", s_data)).Element;
        Assert.Equal(12, element.Bytes);
        Assert.True(element.Holds<Vector>());
        Assert.False(element.Holds<decimal>());
        Assert.False(element.Holds<double>());
    }

    [Theory]
    [InlineData("(1, 6)")]
    [InlineData("(6, 1)")]
    [InlineData("(1, 1, 6)")]
    [InlineData("(6,)")]
    [InlineData("()")]
    public void One_long_dimension_is_in_both_orders(string shape)
    {
        NpyHeader header = Read(Npy.File("'<f4'", shape, s_data, isFortran: true));
        Assert.Equal(shape == "()" ? 1 : 6, header.Shape.Elements);
    }

    [Theory]
    [InlineData("'<c16'", "cannot be mapped")]
    [InlineData("'<M8[ns]'", "cannot be mapped")]
    [InlineData("'|S5'", "cannot be mapped")]
    [InlineData("'<U5'", "cannot be mapped")]
    [InlineData("'<f16'", "cannot be mapped")]
    public void Types_that_NET_has_not_are_refused_by_name(string descr, string why)
    {
        NpyHeader header = Read(Npy.File(descr, "(1,)", s_data));
        ArgumentException e = Assert.Throws<ArgumentException>(() => header.CheckType<double>("the file"));
        Assert.Contains(descr, e.Message, StringComparison.Ordinal);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.Contains($"from offset {header.DataOffset} on", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3)}", "big-endian")]
    [InlineData("{'descr': [('a', '>i2')], 'fortran_order': False, 'shape': (2, 3)}", "big-endian")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", "Fortran order")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}", "Python objects")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}", "truncated")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4)}", "more than a file can hold")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", "too large")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "of 0 or more")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}", "must say")]
    [InlineData("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "must say")]
    [InlineData("{'descr': '<f4', 'shape': (2, 3)}", "must say")]
    [InlineData("{'descr': '<f0', 'fortran_order': False, 'shape': (2, 3)}", "1 to")]
    [InlineData("{'descr': '<f', 'fortran_order': False, 'shape': (2, 3)}", "no type")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", "twice")]
    [InlineData("{'descr': '<f4'", "too early")]
    [InlineData("{'descr", "no end")]
    [InlineData("{", "too early")]
    [InlineData("", "too early")]
    [InlineData("((((((((((((((((((((((((((((((((((((((((((((((((", "brackets")]
    [InlineData("{} {}", "not expected")]
    [InlineData("{'descr': [], 'fortran_order': False, 'shape': (1,)}", "list of fields")]
    [InlineData("{'descr': [('a', '|V4194304', (1000000, 1000000))], 'fortran_order': False, 'shape': (1,)}", "no shape that fits")]
    public void What_cannot_be_mapped_is_refused_with_what_it_is(string header, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => Read(Npy.Of(header, s_data))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_column_is_in_both_orders() => Assert.Equal([6L], Read(Npy.File("'<f4'", "(6,)", s_data, isFortran: true)).Shape.ToList());

    [Fact]
    public void A_header_is_bounded_by_the_file_and_by_itself()
    {
        byte[] file = Npy.File("'<f4'", "(6,)", s_data, major: 2);
        file.AsSpan(8, 4).Fill(0xFF);
        Assert.Contains("truncated", Assert.Throws<InvalidDataException>(() => Read(file)).Message, StringComparison.Ordinal);

        // A file of such a length need not be there for its header to be refused.
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => NpyHeader.Read("the file", 1L << 40, Bytes.Reader(file)));
        Assert.Contains("4,294,967,295", e.Message, StringComparison.Ordinal);
        file[6] = 9;
        Assert.Contains("version 9.0", Assert.Throws<InvalidDataException>(() => Read(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_is_damaged_or_cut_off_is_an_exception_or_a_header_that_fits()
    {
        byte[][] files =
        [
            Npy.File("'<f4'", "(2, 3)", s_data),
            Npy.File("[('x', '<u2', 4), ('', '|V4')]", "(2,)", s_data, major: 2),
            Npy.File("'<f4'", "(1, 2, 3)", s_data, major: 3),
        ];
        foreach (byte[] file in files)
        {
            for (int length = 0; length < file.Length; length++)
                ReadDamaged(file[..length], mustFail: true);
            for (int i = 0; i < file.Length - s_data.Length; i++)
            {
                for (int flip = 1; flip < 256; flip += i < 12 || flip < 8 ? 1 : 31)
                {
                    byte[] damaged = [.. file];
                    damaged[i] ^= (byte)flip;
                    ReadDamaged(damaged);
                }
            }
        }

        Seeded.Run(seed =>
        {
            var rng = new Rng(seed);
            for (int round = 0; round < 20_000; round++)
            {
                byte[] damaged = [.. files[rng.Next(files.Length)]];
                for (int i = 1 + rng.Next(11); i > 0; i--)
                {
                    // Where the text is, and with what it is made of, more is reached.
                    int at = rng.Chance(20) ? rng.Next(damaged.Length) : 10 + rng.Next(70);
                    damaged[at] = rng.Chance(70) ? "{}()[]',:0123456789-TFLVdescr<>| \\"u8[rng.Next(33)] : (byte)rng.Next(256);
                }

                ReadDamaged(damaged);
            }
        });
    }

    private static void ReadDamaged(byte[] file, bool mustFail = false)
    {
        try
        {
            NpyHeader header = Read(file);
            Assert.False(mustFail, "a part of a file is taken for one");
            Assert.InRange(header.DataOffset, 10, file.Length);
            Assert.InRange(header.Shape.Elements * header.Element.Bytes, 0, file.Length - header.DataOffset);
        }
        catch (InvalidDataException)
        {
            // As it must be.
        }
    }
}
