using System.Threading.Channels;
using Paging;

namespace AssetStreaming;

/// <summary>Brings in what the camera will see if it goes on as it does, takes that back when it turns, and gives up what is behind
/// it. Runs on the thread pool; the thread that draws only tells it where the camera is.</summary>
internal sealed class Prefetcher : IAsyncDisposable
{
    // How far ahead, in frames: enough to read a few tiles, and little enough to be true.
    private static readonly int[] s_horizons = [8, 20];

    // What nobody has wanted for so long is given up.
    private const int FramesUntilCold = 40;

    // A turn: the camera looks elsewhere than was foreseen, by so many radians.
    private const float Turn = 0.3f;

    private readonly Assets _assets;
    private readonly Channel<Camera> _cameras =
        Channel.CreateBounded<Camera>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private readonly Dictionary<Asset, Wish> _wishes = [];
    private readonly List<VisibleTile> _visible = [];
    private readonly List<Asset> _cold = [];
    private readonly Task _running;

    private CancellationTokenSource _going = new();
    private Camera _before;
    private Camera _basis;
    private Camera _foreseen;

    public Prefetcher(Assets assets, Camera start)
    {
        _assets = assets;
        _before = _basis = _foreseen = start;
        _running = Task.Run(Run);
    }

    /// <summary>Prefetches that were called back because the camera turned.</summary>
    public int Cancelled { get; private set; }

    public int Turns { get; private set; }

    /// <summary>Never waits: if the last place was not looked at yet, this one replaces it.</summary>
    public void Follow(Camera camera) => _cameras.Writer.TryWrite(camera);

    public async ValueTask DisposeAsync()
    {
        _cameras.Writer.Complete();
        await _running;
        await _going.CancelAsync();
        await Task.WhenAll(_wishes.Values.Select(wish => wish.Coming));
        _going.Dispose();
    }

    private async Task Run()
    {
        await foreach (Camera camera in _cameras.Reader.ReadAllAsync())
        {
            await CancelAfterTurn(camera);
            foreach (int horizon in s_horizons)
                Want(camera.Frame, camera.Predict(_before, horizon));
            GiveUpCold(camera.Frame);
            _before = camera;
        }
    }

    private async Task CancelAfterTurn(Camera camera)
    {
        // Where it would look now, had it gone on as it did when the present wishes began.
        int frames = camera.Frame - _foreseen.Frame;
        float expected = _foreseen.Predict(_basis, frames).Heading;
        if (MathF.Abs(camera.Heading - expected) > Turn)
        {
            Turns++;
            await _going.CancelAsync();
            _going.Dispose();
            _going = new CancellationTokenSource();
            foreach ((Asset asset, Wish wish) in _wishes)
            {
                if (!wish.Coming.IsCompleted)
                {
                    Cancelled++;
                    _wishes.Remove(asset);
                }
            }
        }

        if (frames > s_horizons[^1] || MathF.Abs(camera.Heading - expected) > Turn)
            (_basis, _foreseen) = (_before, camera);
    }

    private void Want(int frame, Camera ahead)
    {
        View.Fill(_visible, _assets.World.Layout, ahead);
        foreach (VisibleTile tile in _visible)
        {
            if (tile.Level < WorldLayout.Coarsest)
                Want(frame, new Asset(tile.Tile, tile.Level));
            if (tile.HasMesh)
                Want(frame, new Asset(tile.Tile, Asset.Mesh));
        }
    }

    private void Want(int frame, Asset asset)
    {
        Task coming = _wishes.TryGetValue(asset, out Wish wish) ? wish.Coming : BringIn(asset, _going.Token);
        _wishes[asset] = new Wish(frame, coming);
    }

    private async Task BringIn(Asset asset, CancellationToken cancellation)
    {
        try
        {
            await (asset.Level == Asset.Mesh
                ? _assets.PrefetchMesh(asset.Tile, cancellation)
                : _assets.PrefetchTexture(asset.Tile, asset.Level, cancellation));
        }
        catch (OperationCanceledException)
        {
            // The camera has turned, and this is not wanted any more.
        }
    }

    private void GiveUpCold(int frame)
    {
        _cold.Clear();
        foreach ((Asset asset, Wish wish) in _wishes)
        {
            if (frame - wish.LastFrame > FramesUntilCold)
                _cold.Add(asset);
        }

        foreach (Asset asset in _cold)
        {
            _wishes.Remove(asset);
            if (asset.Level == Asset.Mesh)
                _assets.Meshes.Advise(WorldLayout.MeshStart(asset.Tile), WorldLayout.MeshFloats, PageAdvice.Cold);
            else
                _assets.Textures.Advise(
                    _assets.World.Layout.TextureStart(asset.Tile, asset.Level), WorldLayout.TexelsIn(asset.Level), PageAdvice.Cold);
        }
    }

    private readonly record struct Asset(int Tile, int Level)
    {
        public const int Mesh = -1;
    }

    private readonly record struct Wish(int LastFrame, Task Coming);
}
