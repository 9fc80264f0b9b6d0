namespace AssetStreaming;

/// <summary>Where things are in the pack: all textures of the coarsest level, then those of the next, down to the finest; then all
/// meshes. Every texture and mesh is whole pages, so that a page belongs to one tile, and what is always wanted, the coarsest level of
/// all tiles, is one range.</summary>
internal sealed class WorldLayout(int tiles)
{
    public const int PageBytes = 16 << 10;
    public const int TexelsPerPage = PageBytes / sizeof(uint);
    public const int FloatsPerPage = PageBytes / sizeof(float);

    /// <summary>Levels of detail, finest first: 512, 256, 128 and 64 texels a side.</summary>
    public const int Levels = 4;
    public const int Coarsest = Levels - 1;

    /// <summary>Vertices along each side of a mesh. It has x, y and z of all positions, then of all normals, then the corners of all
    /// triangles.</summary>
    public const int MeshSide = 32;
    public const int Vertices = MeshSide * MeshSide;
    public const int MeshFloats = 3 * FloatsPerPage;

    public int Tiles => tiles;
    public int TileCount => tiles * tiles;
    public long Texels => (LevelStart(0) + ((long)TileCount * TexelsIn(0)));
    public long MeshStartBytes => Texels * sizeof(uint);
    public long Floats => (long)TileCount * MeshFloats;
    public long Bytes => MeshStartBytes + (Floats * sizeof(float));

    public static int Side(int level) => 512 >> level;

    public static int TexelsIn(int level) => Side(level) * Side(level);

    public static int PagesIn(int level) => TexelsIn(level) / TexelsPerPage;

    /// <summary>The first texel of a tile's texture.</summary>
    public long TextureStart(int tile, int level) => LevelStart(level) + ((long)tile * TexelsIn(level));

    public static long MeshStart(int tile) => (long)tile * MeshFloats;

    private long LevelStart(int level)
    {
        long start = 0;
        for (int coarser = Coarsest; coarser > level; coarser--)
            start += (long)TileCount * TexelsIn(coarser);
        return start;
    }
}
