using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Stress.Driver;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Model;

/// <summary>A file with elements of an array, and others in front of them and behind. It must never change.</summary>
internal sealed class MappedContents<T> : IDisposable where T : unmanaged
{
    private const int PieceLength = 700;
    private const int MostBehind = 5_000;

    private readonly TemporaryDirectory _directory = new();
    private readonly byte[] _bytes;
    private readonly int _length;
    private readonly int _offset;

    public MappedContents(int length, int offset)
    {
        _length = length;
        _offset = offset;
        var rng = new Rng(((ulong)length << 32) + (ulong)offset);
        _bytes = new byte[offset + length * Unsafe.SizeOf<T>() + (int)rng.Next((long)MostBehind)];
        for (int start = 0; start < _bytes.Length; start += PieceLength)
            Content.Write(Content.Pick(ref rng), rng.Next(), _bytes.AsSpan(start, Math.Min(PieceLength, _bytes.Length - start)));
        File.WriteAllBytes(FilePath, _bytes);
    }

    private string FilePath => _directory.In("elements");

    public PagedArray<T> Map(Pager pager, PagedArrayOptions options, Span<T> contents)
    {
        MemoryMarshal.Cast<byte, T>(_bytes.AsSpan(_offset, _length * Unsafe.SizeOf<T>())).CopyTo(contents);
        return pager.MapFile<T>(FilePath, _offset, _length, options);
    }

    public void Dispose()
    {
        Assert.True(File.ReadAllBytes(FilePath).AsSpan().SequenceEqual(_bytes), "the file has changed");
        _directory.Dispose();
    }
}
