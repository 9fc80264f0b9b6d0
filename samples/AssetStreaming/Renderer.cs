using System.Numerics;
using Paging;

namespace AssetStreaming;

/// <summary>Draws a map of what the camera sees, in software, and verifies every page that it draws from. One thread; allocates
/// nothing.</summary>
/// <param name="mayWait">Whether a page that is not there is waited for, or is left for the next picture.</param>
internal sealed class Renderer(Assets assets, bool mayWait)
{
    private const int Width = 800;
    private const int PixelsPerTile = 64;

    // Each pixel is the average of a square of texels of the level that belongs there, or of a smaller one of a coarser level.
    private const int Square = 8;

    private readonly uint[] _picture = new uint[Width * Width];
    private readonly List<VisibleTile> _visible = new(256);

    public long Tiles { get; private set; }
    public long Pages { get; private set; }

    /// <summary>Tiles of which something was not there in time, and was drawn coarser or not at all.</summary>
    public long LateTiles { get; private set; }

    /// <summary>Pages' worth of picture for which there was not even something coarser.</summary>
    public long Holes { get; private set; }

    public void Draw(Camera camera)
    {
        Array.Clear(_picture);
        View.Fill(_visible, assets.World.Layout, camera);
        foreach (VisibleTile tile in _visible)
        {
            Tiles++;
            bool isComplete = DrawTexture(tile);
            if (tile.HasMesh)
                isComplete &= DrawMesh(tile);
            if (!isComplete)
                LateTiles++;
        }
    }

    private bool DrawTexture(VisibleTile tile)
    {
        bool isComplete = true;
        int pages = WorldLayout.PagesIn(tile.Level);
        for (int page = 0; page < pages; page++)
        {
            if (TryDrawBand(tile, tile.Level, page, pages))
                continue;

            isComplete = false;
            int level = tile.Level + 1;
            while (level < WorldLayout.Levels && !TryDrawBand(tile, level, page, pages))
                level++;
            if (level == WorldLayout.Levels)
                Holes++;
        }

        return isComplete;
    }

    // A band is what one page of the level that is wanted shows; coarser levels have it in a part of a page.
    private bool TryDrawBand(VisibleTile tile, int level, int band, int bands)
    {
        int side = WorldLayout.Side(level);
        long texel = (long)WorldLayout.TexelsIn(level) / bands * band;
        long page = texel / WorldLayout.TexelsPerPage * WorldLayout.TexelsPerPage;
        long start = assets.World.Layout.TextureStart(tile.Tile, level) + page;
        if (!TryGet(assets.Textures, start, out ReadLease<uint> lease))
            return false;

        using (lease)
        {
            ReadOnlySpan<uint> texels = lease.Span;
            assets.World.Verify(start, texels);
            Pages++;

            int square = Square >> (level - tile.Level);
            int width = side / square;
            int rows = width / bands;
            Blit(tile, band * rows, rows, width, texels[(int)(texel - page)..], side, square);
            return true;
        }
    }

    private void Blit(VisibleTile tile, int firstRow, int rows, int width, ReadOnlySpan<uint> texels, int stride, int square)
    {
        (int left, int top) = Place(tile.Offset);
        for (int y = 0; y < rows; y++)
        {
            Span<uint> line = _picture.AsSpan(((top + firstRow + y) * Width) + left, width);
            for (int x = 0; x < width; x++)
                line[x] = TileGenerator.Average(texels, (y * square * stride) + (x * square), stride, square);
        }
    }

    private bool DrawMesh(VisibleTile tile)
    {
        bool isComplete = true;
        for (int offset = 0; offset < WorldLayout.MeshFloats; offset += WorldLayout.FloatsPerPage)
        {
            long start = WorldLayout.MeshStart(tile.Tile) + offset;
            if (!TryGet(assets.Meshes, start, out ReadLease<float> lease))
            {
                isComplete = false;
                continue;
            }

            using (lease)
            {
                assets.World.Verify(start, lease.Span);
                Pages++;
                if (offset == 0)
                    DrawVertices(tile, lease.Span);
            }
        }

        return isComplete;
    }

    // As points, lit from the west. The first page of a mesh has all positions, and x of the normals.
    private void DrawVertices(VisibleTile tile, ReadOnlySpan<float> mesh)
    {
        const int Vertices = WorldLayout.Vertices;
        (int left, int top) = Place(tile.Offset);
        int pixels = WorldLayout.Side(tile.Level) / Square;
        for (int vertex = 0; vertex < Vertices; vertex++)
        {
            int x = left + (int)(mesh[vertex] * pixels);
            int y = top + (int)(mesh[Vertices + vertex] * pixels);
            float light = (0.5f * mesh[(2 * Vertices) + vertex]) - (0.5f * mesh[(3 * Vertices) + vertex]);
            _picture[(y * Width) + x] += (uint)(Math.Clamp(light, 0, 1) * 24) * 0x010101;
        }
    }

    private static (int Left, int Top) Place(Vector2 offset) =>
        ((Width / 2) + (int)((offset.X - 0.5f) * PixelsPerTile), (Width / 2) + (int)((offset.Y - 0.5f) * PixelsPerTile));

    // The only difference between the two flights.
    private bool TryGet<T>(PagedArray<T> array, long start, out ReadLease<T> lease)
        where T : unmanaged
    {
        if (!mayWait)
            return array.TryRead(start, out lease);

        lease = array.Read(start);
        return true;
    }
}
