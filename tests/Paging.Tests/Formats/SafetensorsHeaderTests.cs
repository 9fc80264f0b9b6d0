using Paging.Formats;
using Paging.Stress.Driver;
using Paging.Tests.Model;

namespace Paging.Tests.Formats;

/// <summary>Headers of safetensors files: what is well is read; what is damaged is an exception that says where, and never anything else.</summary>
public sealed class SafetensorsHeaderTests
{
    private static SafetensorsEntry[] Read(byte[] file) => SafetensorsHeader.Read("the file", file.Length, Bytes.Reader(file));

    [Fact]
    public void Tensors_are_listed_in_the_order_in_which_they_lie()
    {
        byte[] file = Safetensors.Of(
            """{ "b" : {"data_offsets":[16,40],"shape":[2,3],"dtype":"F32"}, "__metadata__":{"a":"b","c":""}, "a":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}, "empty":{"dtype":"F64","shape":[0,7],"data_offsets":[16,16]}, "a\u00e4":{"dtype":"BF16","shape":[],"data_offsets":[40,42]}}   """,
            new byte[42]);
        SafetensorsEntry[] entries = Read(file);
        Assert.Equal(["a", "empty", "b", "aä"], entries.Select(static entry => entry.Name));
        Assert.Equal([16L, 0, 24, 2], entries.Select(static entry => entry.Bytes));
        Assert.Equal(file.Length - 42, entries[0].Offset);
        Assert.Equal("F32", entries[2].ElementType);
        Assert.Equal([2L, 3L], entries[2].Shape.ToList());
        Assert.Equal(1, entries[3].Shape.Elements);
        Assert.Empty(Read(Safetensors.Of("{}", [])));
    }

    [Theory]
    [InlineData("BOOL", typeof(bool))]
    [InlineData("U8", typeof(byte))]
    [InlineData("I8", typeof(sbyte))]
    [InlineData("U16", typeof(ushort))]
    [InlineData("I16", typeof(short))]
    [InlineData("F16", typeof(Half))]
    [InlineData("U32", typeof(uint))]
    [InlineData("I32", typeof(int))]
    [InlineData("F32", typeof(float))]
    [InlineData("U64", typeof(ulong))]
    [InlineData("I64", typeof(long))]
    [InlineData("F64", typeof(double))]
    [InlineData("BF16", typeof(ushort))]
    [InlineData("F8_E4M3", typeof(byte))]
    [InlineData("F8_E5M2", typeof(byte))]
    public void A_type_is_its_own_and_no_other(string type, Type expected)
    {
        Assert.Equal(expected == typeof(bool), SafetensorsElement.Holds<bool>(type));
        Assert.Equal(expected == typeof(byte), SafetensorsElement.Holds<byte>(type));
        Assert.Equal(expected == typeof(sbyte), SafetensorsElement.Holds<sbyte>(type));
        Assert.Equal(expected == typeof(ushort), SafetensorsElement.Holds<ushort>(type));
        Assert.Equal(expected == typeof(short), SafetensorsElement.Holds<short>(type));
        Assert.Equal(expected == typeof(Half), SafetensorsElement.Holds<Half>(type));
        Assert.False(SafetensorsElement.Holds<char>(type));
        Assert.Equal(expected == typeof(uint), SafetensorsElement.Holds<uint>(type));
        Assert.Equal(expected == typeof(int), SafetensorsElement.Holds<int>(type));
        Assert.Equal(expected == typeof(float), SafetensorsElement.Holds<float>(type));
        Assert.Equal(expected == typeof(ulong), SafetensorsElement.Holds<ulong>(type));
        Assert.Equal(expected == typeof(long), SafetensorsElement.Holds<long>(type));
        Assert.Equal(expected == typeof(double), SafetensorsElement.Holds<double>(type));
        Assert.Equal(type == "BF16", SafetensorsElement.Holds<Two>(type));
        Assert.Contains(expected.Name, SafetensorsElement.Advice(type), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "takes 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "a hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "longer than they are")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "no range")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", "more than a file can hold")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}""", "more than a file can hold")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,8]}}""", "0 or more")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}}""", "0 or more")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8.5],"data_offsets":[0,8]}}""", "0 or more")]
    [InlineData("""{"a":{"dtype":"U8","shape":["8"],"data_offsets":[0,8]}}""", "0 or more")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,9223372036854775807]}}""", "no range")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,4,8]}}""", "must say")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8]}}""", "must say")]
    [InlineData("""{"a":{"dtype":8,"shape":[8],"data_offsets":[0,8]}}""", "String is expected")]
    [InlineData("""{"a":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "there twice")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8],"more":1}}""", "unknown")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}}""", "there twice")]
    [InlineData("""{"__metadata__":{"a":1}}""", "String is expected")]
    [InlineData("""["a"]""", "StartObject is expected")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}} {}""", "damaged")]
    [InlineData("""{"a":{"dtype":"U8\ud800","shape":[8],"data_offsets":[0,8]}}""", "damaged")]
    [InlineData("""{"a":""", "damaged")]
    [InlineData("", "damaged")]
    public void What_is_damaged_is_refused_with_what_is_wrong(string header, string why) =>
        Assert.Contains(
            why, Assert.Throws<InvalidDataException>(() => Read(Safetensors.Of(header, new byte[8]))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_header_is_bounded_before_it_is_read()
    {
        byte[] file = Safetensors.Of("{}", []);
        Assert.Contains("8", Assert.Throws<InvalidDataException>(() => Read(file[..7])).Message, StringComparison.Ordinal);
        file[0] = 3;
        Assert.Contains("truncated", Assert.Throws<InvalidDataException>(() => Read(file)).Message, StringComparison.Ordinal);
        file.AsSpan(0, 8).Fill(0xFF);
        Assert.Contains(
            "100,000,000",
            Assert.Throws<InvalidDataException>(() => SafetensorsHeader.Read("the file", 1L << 40, Bytes.Reader(file))).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Types of the future are listed, so that the other tensors of the file can be had.</summary>
    [Fact]
    public void A_type_that_is_not_known_is_listed_and_not_given()
    {
        SafetensorsEntry[] entries = Read(Safetensors.File(("new", "F4", [16], new byte[8]), ("old", "U8", [3], new byte[3])));
        Assert.Equal(["F4", "U8"], entries.Select(static entry => entry.ElementType));
        Assert.False(SafetensorsElement.Holds<byte>("F4"));
        Assert.Contains("MapFile", SafetensorsElement.Advice("F4"), StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_is_damaged_or_cut_off_is_an_exception_or_tensors_that_fit()
    {
        byte[] file = Safetensors.File(
            ("first", "F32", [2, 3], new byte[24]), ("second", "BF16", [], new byte[2]), ("none", "I64", [0], []), ("last", "U8", [7], new byte[7]));
        int header = file.Length - 33;
        for (int length = 0; length < file.Length; length++)
            ReadDamaged(file[..length], mustFail: true);
        for (int i = 0; i < header; i++)
        {
            for (int value = 0; value < 256; value += i < 8 ? 1 : 7)
            {
                byte[] damaged = [.. file];
                damaged[i] = (byte)value;
                ReadDamaged(damaged);
            }

            for (int bit = 0; bit < 8; bit++)
            {
                byte[] damaged = [.. file];
                damaged[i] ^= (byte)(1 << bit);
                ReadDamaged(damaged);
            }
        }

        Seeded.Run(seed =>
        {
            var rng = new Rng(seed);
            for (int round = 0; round < 50_000; round++)
            {
                byte[] damaged = [.. file];
                for (int i = 1 + rng.Next(8); i > 0; i--)
                    damaged[rng.Chance(5) ? rng.Next(8) : 8 + rng.Next(header - 8)] =
                        rng.Chance(80) ? "{}[]\",:0123456789-\\eu"u8[rng.Next(21)] : (byte)rng.Next(256);
                ReadDamaged(damaged);
            }
        });
    }

    private static void ReadDamaged(byte[] file, bool mustFail = false)
    {
        try
        {
            long at = -1;
            foreach (SafetensorsEntry entry in Read(file))
            {
                Assert.False(mustFail, "a part of a file is taken for one");
                Assert.True(at < 0 || entry.Offset == at);
                Assert.InRange(entry.Offset, 8, file.Length);
                at = entry.Offset + entry.Bytes;
                int element = SafetensorsElement.BytesOf(entry.ElementType);
                Assert.True(element == 0 || element * entry.Shape.Elements == entry.Bytes);
            }

            Assert.True(at < 0 || at == file.Length);
            Assert.False(mustFail);
        }
        catch (InvalidDataException)
        {
            // As it must be.
        }
    }

    private readonly record struct Two(byte Low, byte High);
}
