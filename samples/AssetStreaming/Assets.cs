using Paging;

namespace AssetStreaming;

/// <summary>The world as two paged arrays over one pack.</summary>
/// <remarks>Mapped, not saved as a dataset: a pack is what games ship, with parts of different kinds; each part gets the element type that
/// it has, which tells the pager how to compress it; and a page that nobody changes is evicted for nothing and read again from where it
/// is. Were the disk the limit rather than the processor, a dataset would be read in fewer bytes, and decoded for it.</remarks>
internal sealed class Assets : IDisposable
{
    // The coarsest textures take a third of the frames at most, so that most are left for what comes and goes.
    private const int PinnedShare = 3;

    private readonly List<PageOwner<uint>> _coarsest = [];

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

    /// <summary>Whether there would be room, before a world is made for nothing.</summary>
    public static void CheckRoom(Options options)
    {
        long tiles = (long)options.Tiles * options.Tiles;
        long coarsest = tiles * WorldLayout.PagesIn(WorldLayout.Coarsest) * WorldLayout.PageBytes;
        if (coarsest > options.ResidentBytes / PinnedShare)
        {
            throw new InputException($"--resident {options.ResidentBytes}: the coarsest textures, which always stay, take "
                + $"{Sizes.Format(coarsest)}; pass {PinnedShare * coarsest} or more, or fewer --tiles");
        }
    }

    /// <summary>What a loading screen is for: the coarsest level of all tiles, so that there is always something to draw, and all that is
    /// in sight at the start.</summary>
    public async Task Load(Camera start)
    {
        // Pinned, since a page that is only prefetched goes again if nobody wants it soon.
        long texels = (long)World.Layout.TileCount * WorldLayout.TexelsIn(WorldLayout.Coarsest);
        await Textures.PrefetchAsync(0, texels);
        for (long texel = 0; texel < texels; texel += WorldLayout.TexelsPerPage)
            _coarsest.Add(await Textures.PinAsync(texel));

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

    public void Dispose()
    {
        // A pager with pins out refuses to be disposed. Its arrays go with it.
        foreach (PageOwner<uint> owner in _coarsest)
            owner.Dispose();
        Pager.Dispose();
    }
}
