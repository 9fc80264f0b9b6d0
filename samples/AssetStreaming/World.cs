using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace AssetStreaming;

/// <summary>The pack, as a file, and what each of its pages must be. Nothing here is specific to paging.</summary>
internal sealed class World
{
    private const long Magic = 0x31_444C_524F_5754; // "TWORLD1", and a new number when what is generated changes

    private readonly ulong[] _checks;

    private World(WorldLayout layout, string packPath)
    {
        Layout = layout;
        PackPath = packPath;
        _checks = new ulong[layout.Bytes / WorldLayout.PageBytes];
    }

    public WorldLayout Layout { get; }
    public string PackPath { get; }

    /// <summary>The world in a folder; made, if it is not there or another one.</summary>
    public static World OpenOrMake(ScratchFolder folder, int tiles, int seed, IProgress<double> progress, out bool isNew)
    {
        World world = new(new WorldLayout(tiles), folder.File("world.pack"));
        string indexPath = folder.File("world.index");
        long[] header = [Magic, tiles, seed];
        isNew = !world.TryReadIndex(indexPath, header);
        if (isNew)
        {
            // The index says that the pack is whole: it goes first, and comes last.
            File.Delete(indexPath);
            world.MakePack(seed, progress);
            File.WriteAllBytes(indexPath, [.. MemoryMarshal.AsBytes(header.AsSpan()), .. MemoryMarshal.AsBytes(world._checks.AsSpan())]);
        }

        return world;
    }

    /// <summary>Verifies the page of a texture.</summary>
    public void Verify(long startTexel, ReadOnlySpan<uint> page) => Verify(startTexel * sizeof(uint), MemoryMarshal.AsBytes(page));

    /// <summary>Verifies the page of a mesh.</summary>
    public void Verify(long startFloat, ReadOnlySpan<float> page) =>
        Verify(Layout.MeshStartBytes + (startFloat * sizeof(float)), MemoryMarshal.AsBytes(page));

    private void Verify(long offset, ReadOnlySpan<byte> page)
    {
        if (page.Length != WorldLayout.PageBytes || XxHash3.HashToUInt64(page) != _checks[offset / WorldLayout.PageBytes])
            throw new DifferenceException($"the page at byte {offset} of {PackPath} is not what was put there");
    }

    private bool TryReadIndex(string path, long[] header)
    {
        if (!File.Exists(path) || !File.Exists(PackPath) || new FileInfo(PackPath).Length != Layout.Bytes)
            return false;

        ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
        ReadOnlySpan<byte> expected = MemoryMarshal.AsBytes(header.AsSpan());
        if (bytes.Length != expected.Length + (_checks.Length * sizeof(ulong)) || !bytes.StartsWith(expected))
            return false;

        bytes[expected.Length..].CopyTo(MemoryMarshal.AsBytes(_checks.AsSpan()));
        return true;
    }

    private void MakePack(int seed, IProgress<double> progress)
    {
        using SafeFileHandle file = File.OpenHandle(PackPath, FileMode.Create, FileAccess.Write, preallocationSize: Layout.Bytes);
        int done = 0;
        Parallel.For(0, Layout.TileCount, () => new TileGenerator(seed), (tile, _, generator) =>
        {
            generator.Make(tile);
            for (int level = 0; level < WorldLayout.Levels; level++)
                Put(file, Layout.TextureStart(tile, level) * sizeof(uint), MemoryMarshal.AsBytes(generator.Textures[level].AsSpan()));
            long meshStart = Layout.MeshStartBytes + (WorldLayout.MeshStart(tile) * sizeof(float));
            Put(file, meshStart, MemoryMarshal.AsBytes(generator.Mesh.AsSpan()));
            progress.Report((double)Interlocked.Increment(ref done) / Layout.TileCount);
            return generator;
        }, _ => { });

        // The pager reads past the page cache: what has just been written must be on the disk, or the first reads wait for it.
        RandomAccess.FlushToDisk(file);
    }

    private void Put(SafeFileHandle file, long offset, ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(file, bytes, offset);
        for (int start = 0; start < bytes.Length; start += WorldLayout.PageBytes)
            _checks[(offset + start) / WorldLayout.PageBytes] = XxHash3.HashToUInt64(bytes.Slice(start, WorldLayout.PageBytes));
    }
}
