using Paging;

namespace AssetStreaming;

/// <summary>The world as two paged arrays over one pack.</summary>
/// <remarks>Mapped, not saved as a dataset: a pack is what games ship, with parts of different kinds; each part gets the element type that
/// it has, which tells the pager how to compress it; and a page that nobody changes is evicted for nothing and read again from where it
/// is. Were the disk the limit rather than the processor, a dataset would be read in fewer bytes, and decoded for it.</remarks>
internal sealed class Assets : IDisposable
{
    public Assets(Options options, World world)
    {
        World = world;
        Pager = new Pager(new PagerOptions
        {
            ResidentBytes = options.ResidentBytes,
            PoolBytes = options.PoolBytes,
            PageBytes = WorldLayout.PageBytes,
        });
        try
        {
            WorldLayout layout = world.Layout;
            Textures = Pager.MapFile<uint>(world.PackPath, 0, layout.Texels, new PagedArrayOptions { Name = "textures" });
            Meshes = Pager.MapFile<float>(world.PackPath, layout.MeshStartBytes, layout.Floats, new PagedArrayOptions { Name = "meshes" });
        }
        catch
        {
            Pager.Dispose();
            throw;
        }
    }

    public World World { get; }
    public Pager Pager { get; }
    public PagedArray<uint> Textures { get; }
    public PagedArray<float> Meshes { get; }

    /// <summary>What a loading screen is for: the coarsest level of all tiles, and all that is in sight at the start.</summary>
    public async Task Load(Camera start)
    {
        await Textures.PrefetchAsync(0, (long)World.Layout.TileCount * WorldLayout.TexelsIn(WorldLayout.Coarsest));
        List<VisibleTile> visible = [];
        View.Fill(visible, World.Layout, start);
        foreach (VisibleTile tile in visible)
        {
            await PrefetchTexture(tile.Tile, tile.Level, default);
            if (tile.HasMesh)
                await PrefetchMesh(tile.Tile, default);
        }
    }

    public ValueTask PrefetchTexture(int tile, int level, CancellationToken cancellation) =>
        Textures.PrefetchAsync(World.Layout.TextureStart(tile, level), WorldLayout.TexelsIn(level), cancellation);

    public ValueTask PrefetchMesh(int tile, CancellationToken cancellation) =>
        Meshes.PrefetchAsync(WorldLayout.MeshStart(tile), WorldLayout.MeshFloats, cancellation);

    // Disposing the pager disposes its arrays.
    public void Dispose() => Pager.Dispose();
}
