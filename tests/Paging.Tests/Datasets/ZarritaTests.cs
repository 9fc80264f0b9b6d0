using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Datasets;

/// <summary>Against another implementation of Zarr v3, zarrita on Node: it reads what is saved here, and what it writes is read here.</summary>
/// <remarks>The environment variable PAGING_ZARRITA names a copy of tests/Zarrita in which <c>npm install</c> was run. Without it nothing is
/// compared.</remarks>
public sealed class ZarritaTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static string? Scripts => Environment.GetEnvironmentVariable("PAGING_ZARRITA");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_is_saved_is_read()
    {
        Assert.SkipWhen(Scripts is null, "PAGING_ZARRITA names no directory.");
        var expected = new List<string>();
        Seeded.Run(seed =>
        {
            var rng = new Rng(seed);
            using var pager = new Pager(Held.Options(1) with { ResidentBytes = 2 << 20, PoolBytes = 8 << 20 });
            foreach (CompressionGoal goal in Enum.GetValues<CompressionGoal>())
            {
                Save<sbyte>("int8", goal);
                Save<byte>("uint8", goal);
                Save<short>("int16", goal);
                Save<ushort>("uint16", goal);
                Save<int>("int32", goal);
                Save<uint>("uint32", goal);
                Save<long>("int64", goal);
                Save<ulong>("uint64", goal);
                Save<float>("float32", goal);
                Save<double>("float64", goal);
                SaveBooleans(goal);
            }

            void Save<T>(string type, CompressionGoal goal) where T : unmanaged, INumber<T>
            {
                foreach (int pageBytes in (int[])[4 << 10, 64 << 10, 128 << 10])
                {
                    var contents = new T[1 + rng.Next(200_000)];
                    for (int i = 0; i < contents.Length; i++)
                        contents[i] = i / 1_000 % 7 == 0 ? default : T.CreateTruncating(i / 3 + rng.Next(4));
                    var options = new DatasetOptions { Compression = goal, ShardBytes = 1 + rng.Next(3_000_000) };
                    string path = _directory.In($"{type}-{goal}-{pageBytes}");
                    using (PagedArray<T> array = pager.From<T>(contents, new PagedArrayOptions { PageBytes = pageBytes }))
                        array.Save(path, options);
                    Expect(path, type, $"{contents.Length}", MemoryMarshal.AsBytes(contents.AsSpan()));
                    int columns = 1 + rng.Next(300);
                    int rows = Math.Max(1, contents.Length / columns);
                    contents = [.. contents, .. new T[columns]];
                    using PagedMatrix<T> matrix = pager.AllocateMatrix<T>(rows, columns, new PagedArrayOptions { PageBytes = pageBytes });
                    matrix.CopyFrom(0, contents.AsSpan(0, rows * columns));
                    matrix.Save(path + "-rows", options);
                    Expect(path + "-rows", type, $"{rows}x{columns}", MemoryMarshal.AsBytes(contents.AsSpan(0, rows * columns)));
                }
            }

            void SaveBooleans(CompressionGoal goal)
            {
                bool[] contents = [.. Enumerable.Range(0, 50_000).Select(static i => i % 3 == 0)];
                string path = _directory.In($"bool-{goal}");
                using PagedArray<bool> array = pager.From<bool>(contents);
                array.Save(path, new DatasetOptions { Compression = goal });
                Expect(path, "bool", "50000", MemoryMarshal.AsBytes(contents.AsSpan()));
            }
        });
        string[] seen = Run("read.mjs", [.. expected.Select(static line => line.Split(' ')[0])]);
        Assert.Equal(expected, seen);

        void Expect(string path, string type, string shape, ReadOnlySpan<byte> bytes) =>
            expected.Add($"{path} {type} {shape} {Convert.ToHexStringLower(SHA256.HashData(bytes))}");
    }

    [Fact]
    public void What_it_writes_is_opened()
    {
        Assert.SkipWhen(Scripts is null, "PAGING_ZARRITA names no directory.");
        string[] lines = Run("write.mjs", [_directory.Path]);
        Assert.InRange(lines.Length, 40, 100);
        using var pager = new Pager(Held.Options(1) with { ResidentBytes = 2 << 20, PoolBytes = 8 << 20 });
        foreach (string line in lines)
        {
            string[] parts = line.Split(' ');
            long[] shape = [.. parts[2].Split('x').Select(static number => long.Parse(number, CultureInfo.InvariantCulture))];
            long missing = long.Parse(parts[3], CultureInfo.InvariantCulture);
            long rows = long.Parse(parts[4], CultureInfo.InvariantCulture);
            int fill = int.Parse(parts[5], CultureInfo.InvariantCulture);
            foreach (int? pageBytes in (int?[])[null, 4 << 10, 32 << 10])
            {
                switch (parts[1])
                {
                    case "int8":
                        Check<sbyte>();
                        break;
                    case "uint8":
                        Check<byte>();
                        break;
                    case "int16":
                        Check<short>();
                        break;
                    case "uint16":
                        Check<ushort>();
                        break;
                    case "int32":
                        Check<int>();
                        break;
                    case "uint32":
                        Check<uint>();
                        break;
                    case "int64":
                        Check<long>();
                        break;
                    case "uint64":
                        Check<ulong>();
                        break;
                    case "float32":
                        Check<float>();
                        break;
                    case "float64":
                        Check<double>();
                        break;
                    default:
                        Assert.Fail(line);
                        break;
                }

                void Check<T>() where T : unmanaged, INumber<T>
                {
                    using PagedMatrix<T> matrix = pager.OpenMatrix<T>(_directory.In(parts[0]), new PagedArrayOptions { PageBytes = pageBytes });
                    Assert.Equal((shape[0], shape[1..].Aggregate(1L, static (product, length) => product * length)), (matrix.Rows, matrix.Columns));
                    var seen = new T[matrix.Rows * matrix.Columns];
                    matrix.CopyTo(0, seen);
                    for (int i = 0; i < seen.Length; i++)
                    {
                        int expected = missing >= 0 && i / matrix.Columns / rows == missing ? fill : ((i * 37) + 11) % 101;
                        if (seen[i] != T.CreateTruncating(expected))
                            Assert.Fail($"{line}: element {i} is {seen[i]}, not {expected}.");
                    }
                }
            }
        }
    }

    private static string[] Run(string script, string[] arguments)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(Scripts!, script), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process node = Process.Start(start)!;
        Task<string> errors = node.StandardError.ReadToEndAsync();
        string output = node.StandardOutput.ReadToEnd();
        node.WaitForExit();
        Assert.True(node.ExitCode == 0, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
