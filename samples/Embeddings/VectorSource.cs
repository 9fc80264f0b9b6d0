using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Paging;

namespace Embeddings;

/// <summary>Where vectors come from: a paged table of them to search in, and the same ones without paging to check it with.</summary>
internal abstract class VectorSource : IDisposable
{
    public abstract int Rows { get; }
    public abstract int Columns { get; }

    /// <summary>A table with room for all rows.</summary>
    public abstract PagedMatrix<float> CreateTable(Pager pager);

    /// <summary>Puts a row into its place in the table. Any thread, different rows.</summary>
    public abstract void Write(int row, Span<float> place);

    /// <summary>The row as it must be in the table, had without the library. Any thread.</summary>
    public abstract void Read(int row, Span<float> destination);

    /// <summary>What is looked for: normalised, like all rows.</summary>
    public abstract void ReadQuery(int query, Span<float> destination);

    public virtual void Dispose() { }

    /// <summary>To length 1: then the dot product is the cosine.</summary>
    protected static void Normalize(Span<float> vector)
    {
        float norm = TensorPrimitives.Norm<float>(vector);
        if (norm > 0)
            TensorPrimitives.Divide(vector, norm, vector);
    }
}

/// <summary>Vectors in clusters, each a function of seed and row alone.</summary>
/// <remarks>What real ones have and noise has not: topics; a document's passages, a few dozen rows one after another, about the same
/// topic; far fewer directions than columns; and the precision of the model that made them, half precision, stored as float32.</remarks>
internal sealed class GeneratedVectors : VectorSource
{
    private const int Topics = 400;
    private const int RowsPerDocument = 32;
    private const int Directions = 64;
    private const int DirectionsPerTopic = 8;

    private readonly int _seed;
    private readonly float[][] _topics;
    private readonly float[][] _directions;

    public GeneratedVectors(int rows, int columns, int seed)
    {
        Rows = rows;
        Columns = columns;
        _seed = seed;
        Noise noise = new(seed, -1);
        _topics = [.. Enumerable.Range(0, Topics).Select(_ => RandomDirection(ref noise))];
        _directions = [.. Enumerable.Range(0, Directions).Select(_ => RandomDirection(ref noise))];
    }

    public override int Rows { get; }
    public override int Columns { get; }

    public override PagedMatrix<float> CreateTable(Pager pager) =>
        pager.AllocateMatrix<float>(Rows, Columns, new PagedArrayOptions { Name = "embeddings" });

    public override void Write(int row, Span<float> place) => Read(row, place);

    public override void Read(int row, Span<float> destination)
    {
        int topic = (int)(new Noise(_seed, row / RowsPerDocument).Next() % Topics);
        Generate(topic, new Noise(_seed, (1L << 32) + row), destination);
    }

    // Of the same topics, but no row of the table.
    public override void ReadQuery(int query, Span<float> destination) =>
        Generate(query * 7 % Topics, new Noise(_seed, (2L << 32) + query), destination);

    private void Generate(int topic, Noise noise, Span<float> vector)
    {
        _topics[topic].CopyTo(vector);
        for (int i = 0; i < DirectionsPerTopic; i++)
        {
            float[] direction = _directions[((topic * 5) + (i * 7)) % Directions];
            float share = 0.32f * (noise.NextUniform() + noise.NextUniform());
            TensorPrimitives.MultiplyAdd(direction, share, vector, vector);
        }

        float scale = 0.3f / MathF.Sqrt(Columns);
        foreach (ref float element in vector)
            element += scale * noise.NextUniform();

        Normalize(vector);
        Half[] halves = ArrayPool<Half>.Shared.Rent(Columns);
        TensorPrimitives.ConvertToHalf(vector, halves);
        TensorPrimitives.ConvertToSingle(halves.AsSpan(0, Columns), vector);
        ArrayPool<Half>.Shared.Return(halves);
    }

    private float[] RandomDirection(ref Noise noise)
    {
        float[] vector = new float[Columns];
        foreach (ref float element in vector.AsSpan())
            element = noise.NextUniform() + noise.NextUniform() + noise.NextUniform();
        Normalize(vector);
        return vector;
    }

    /// <summary>SplitMix64 from a seed and a place.</summary>
    private struct Noise(int seed, long place)
    {
        private const ulong Step = 0x9E3779B97F4A7C15;

        private ulong _state = Mix(((ulong)seed << 32) ^ Mix((ulong)place + Step));

        public ulong Next() => Mix(_state += Step);

        /// <summary>From -1 to 1.</summary>
        public float NextUniform() => (int)(Next() >> 32) * (1f / (1u << 31));

        private static ulong Mix(ulong x)
        {
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return x ^ (x >> 31);
        }
    }
}

/// <summary>The rows of a NumPy file, made to length 1. The file is mapped, and writes to it stay private.</summary>
internal sealed class NpyVectors : VectorSource
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly long _firstRow;

    public NpyVectors(string path)
    {
        _path = path;
        // The pager reads metadata only: whatever its budgets, this takes no memory to speak of.
        using Pager pager = new();
        using PagedMatrix<float> rows = pager.OpenNpy<float>(path);
        if (rows.Rows * rows.Columns > Array.MaxLength)
            throw new InputException($"{path} has more elements than the plain array that results are checked with can have");

        Rows = (int)rows.Rows;
        Columns = rows.Columns;
        _file = File.OpenHandle(path);
        _firstRow = RandomAccess.GetLength(_file) - (rows.Rows * rows.Columns * sizeof(float));
    }

    public override int Rows { get; }
    public override int Columns { get; }

    public override PagedMatrix<float> CreateTable(Pager pager) => pager.OpenNpy<float>(_path);

    public override void Write(int row, Span<float> place) => Normalize(place);

    public override void Read(int row, Span<float> destination)
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(destination);
        long offset = _firstRow + ((long)row * bytes.Length);
        for (int done = 0; done < bytes.Length;)
        {
            int read = RandomAccess.Read(_file, bytes[done..], offset + done);
            done += read > 0 ? read : throw new InputException($"{_path} became shorter while it was being read");
        }

        Normalize(destination);
    }

    // Rows here and there, a little off: what is asked is near to something, and seldom the same.
    public override void ReadQuery(int query, Span<float> destination)
    {
        Read((int)((query * 7919L) % Rows), destination);
        float[] other = new float[Columns];
        Read((int)((query * 104_729L) % Rows), other);
        TensorPrimitives.MultiplyAdd(other, 0.2f, destination, destination);
        Normalize(destination);
    }

    public override void Dispose()
    {
        _file.Dispose();
        base.Dispose();
    }
}
