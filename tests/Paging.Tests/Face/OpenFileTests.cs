using System.Runtime.InteropServices;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Formats;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Face;

/// <summary>Files of formats that others write, mapped where their data lies.</summary>
public sealed class OpenFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Pager _pager = new(Held.Options());

    private string Name => _directory.In("data");

    public void Dispose()
    {
        _pager.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(new long[] { 3_000 }, 3_000, 1)]
    [InlineData(new long[] { 300, 70 }, 300, 70)]
    [InlineData(new long[] { 30, 7, 2, 5 }, 30, 70)]
    [InlineData(new long[] { 1, 1000 }, 1, 1000)]
    [InlineData(new long[0], 1, 1)]
    public void A_numpy_file_is_had_as_rows(long[] shape, long rows, int columns)
    {
        float[] values = [.. Enumerable.Range(0, (int)rows * columns).Select(static i => i * 0.5f)];
        File.WriteAllBytes(Name, Npy.File("'<f4'", Npy.Shape(shape), MemoryMarshal.AsBytes<float>(values)));
        using PagedMatrix<float> matrix = _pager.OpenNpy<float>(Name, new PagedArrayOptions { Name = "numbers" });
        Assert.Equal((rows, columns, "numbers"), (matrix.Rows, matrix.Columns, matrix.Name));
        var seen = new float[values.Length];
        matrix.CopyTo(0, seen);
        Assert.Equal(values, seen);
        matrix[rows - 1, columns - 1] = -1;
        Internals.PageOutAll(Internals.Domain(_pager));
        Assert.Equal(-1, matrix[rows - 1, columns - 1]);
        Assert.Equal(rows == 1 && columns == 1 ? -1 : values[0], matrix[0, 0]);
    }

    [Fact]
    public void Records_are_had_as_structs()
    {
        Vector[] values = [new(1, 2, 3), new(4, 5, 6)];
        File.WriteAllBytes(Name, Npy.File("[('x', '<f4'), ('y', '<f4'), ('z', '<f4')]", "(2,)", MemoryMarshal.AsBytes<Vector>(values)));
        using PagedMatrix<Vector> matrix = _pager.OpenNpy<Vector>(Name);
        Assert.Equal(values[1], matrix[1, 0]);
        Assert.Contains("records of 12 bytes", Assert.Throws<ArgumentException>(() => _pager.OpenNpy<long>(Name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_numpy_file_holds_is_said_when_something_else_is_wanted()
    {
        File.WriteAllBytes(Name, Npy.File("'<f8'", "(3, 2)", new byte[48]));
        ArgumentException e = Assert.Throws<ArgumentException>(() => _pager.OpenNpy<float>(Name));
        Assert.Contains(
            $"'{Name}' holds '<f8' (Double), in the shape (3, 2). Single was asked for: open it as Double", e.Message, StringComparison.Ordinal);
        File.WriteAllBytes(Name, Npy.File("'<f8'", "(0, 2)", []));
        Assert.Contains("no elements", Assert.Throws<InvalidDataException>(() => _pager.OpenNpy<double>(Name)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(Name, Npy.File("'|u1'", "(1, 4194305)", new byte[4194305]));
        Assert.Contains("4,194,304 at most", Assert.Throws<InvalidDataException>(() => _pager.OpenNpy<byte>(Name)).Message, StringComparison.Ordinal);
        File.WriteAllText(Name, "something else");
        Assert.Contains("no .npy file", Assert.Throws<InvalidDataException>(() => _pager.OpenNpy<byte>(Name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_are_had_by_name()
    {
        float[] weights = [.. Enumerable.Range(0, 6_000).Select(static i => i / 7f)];
        ushort[] raw = [.. Enumerable.Range(0, 3_001).Select(static i => (ushort)(i * 13))];
        File.WriteAllBytes(
            Name,
            Safetensors.File(
                ("bits", "BF16", [3_001], MemoryMarshal.AsBytes<ushort>(raw).ToArray()),
                ("weights", "F32", [20, 15, 20], MemoryMarshal.AsBytes<float>(weights).ToArray()),
                ("one", "I64", [], BitConverter.GetBytes(42L)),
                ("none", "F64", [0, 3], [])));
        PagedMatrix<float> matrix;
        using (SafetensorsFile file = _pager.OpenSafetensors(Name))
        {
            Assert.Equal(["bits", "weights", "one", "none"], file.Tensors.Select(static tensor => tensor.Name).Except(["none"]).Append("none"));
            SafetensorInfo info = Assert.Single(file.Tensors, static tensor => tensor.Name == "weights");
            Assert.Equal(("F32", 24_000), (info.ElementType, info.Bytes));
            Assert.Equal([20L, 15L, 20L], info.Shape);
            matrix = file.Get<float>("weights", new PagedArrayOptions { PageBytes = 8 << 10 });
            using PagedMatrix<ushort> bits = file.Get<ushort>("bits");
            using PagedMatrix<long> one = file.Get<long>("one");
            Assert.Equal((3_001, 1, raw[3_000]), (bits.Rows, bits.Columns, bits[3_000, 0]));
            Assert.Equal(42, one[0, 0]);
            Assert.Throws<KeyNotFoundException>(() => file.Get<float>("Weights"));
            Assert.Throws<ArgumentNullException>(() => file.Get<float>(null!));
            ArgumentException e = Assert.Throws<ArgumentException>(() => file.Get<double>("weights"));
            Assert.Contains("holds F32, in the shape (20, 15, 20). Double was asked for. Ask for Single", e.Message, StringComparison.Ordinal);
            Assert.Contains("no elements", Assert.Throws<InvalidDataException>(() => file.Get<double>("none")).Message, StringComparison.Ordinal);
            file.Dispose();
            Assert.Throws<ObjectDisposedException>(() => file.Get<float>("weights"));
            Assert.Equal(4, file.Tensors.Count);
        }

        // What was given out goes on.
        var seen = new float[weights.Length];
        matrix.CopyTo(0, seen);
        Assert.Equal(weights, seen);
        matrix.Dispose();
        SafetensorsFile late = _pager.OpenSafetensors(Name);
        _pager.Dispose();
        Assert.Throws<ObjectDisposedException>(() => late.Get<float>("weights"));
        late.Dispose();
    }

    [Fact]
    public void A_header_is_read_however_long_it_is()
    {
        var tensors = new (string, string, long[], byte[])[3_000];
        for (int i = 0; i < tensors.Length; i++)
            tensors[i] = ($"a tensor with a long name, number {i:d6}, so that the header has many blocks", "I32", [1], BitConverter.GetBytes(i));
        File.WriteAllBytes(Name, Safetensors.File(tensors));
        using SafetensorsFile file = _pager.OpenSafetensors(Name);
        Assert.Equal(3_000, file.Tensors.Count);
        foreach (int i in (int[])[0, 1, 1_499, 2_999])
        {
            using PagedMatrix<int> matrix = file.Get<int>(file.Tensors[i].Name);
            Assert.Equal(i, matrix[0, 0]);
        }
    }
}
