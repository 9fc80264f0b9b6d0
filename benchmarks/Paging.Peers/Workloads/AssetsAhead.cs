namespace Paging.Peers.Workloads;

/// <summary>A thread that tells a peer which assets will be in sight if the camera goes on as it does.</summary>
/// <remarks>Only that thread calls <see cref="IAssetReader.Ahead"/>. It and the one that draws share <c>_camera</c> and <c>_late</c>, under
/// the lock.</remarks>
internal sealed class AssetsAhead : IDisposable
{
    /// <summary>An asset may be told once more when it has not been wanted for so many frames.</summary>
    private const int FramesUntilForgotten = 40;

    // How far ahead, in frames: enough to read some assets, and little enough to be true.
    private static readonly int[] s_horizons = [8, 20];

    private readonly AssetWorld _world;
    private readonly IAssetReader _reader;
    private readonly Dictionary<int, int> _wantedAt = [];
    private readonly List<(float Distance, int Asset)> _visible = [];
    private readonly List<int> _late = [];
    private readonly List<int> _again = [];
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _moved = new(0);
    private readonly Thread _thread;
    private Camera _camera;
    private bool _hasEnded;
    private Exception? _failure;

    public AssetsAhead(AssetWorld world, IAssetReader reader, Camera start)
    {
        _world = world;
        _reader = reader;
        _camera = start;
        _thread = new Thread(Run) { IsBackground = true, Name = "assets ahead" };
        _thread.Start();
    }

    /// <summary>Never waits: a place that was not looked at yet is replaced.</summary>
    /// <param name="late">Assets that were looked for and were not there: they are told again.</param>
    public void Follow(Camera camera, IReadOnlyList<int> late)
    {
        lock (_lock)
        {
            _camera = camera;
            _late.Clear();
            _late.AddRange(late);
        }

        _moved.Release();
    }

    /// <exception cref="IOException">It has failed on its thread.</exception>
    public void Dispose()
    {
        Volatile.Write(ref _hasEnded, true);
        _moved.Release();
        _thread.Join();
        _moved.Dispose();
        if (_failure is not null)
        {
            throw new IOException("Reading ahead failed.", _failure);
        }
    }

    private void Run()
    {
        try
        {
            Camera before = _camera;
            while (true)
            {
                _moved.Wait();
                if (Volatile.Read(ref _hasEnded))
                {
                    return;
                }

                Camera now;
                lock (_lock)
                {
                    now = _camera;
                    _again.Clear();
                    _again.AddRange(_late);
                    _late.Clear();
                }

                foreach (int number in _again)
                {
                    _reader.Ahead(_world[number].First, _world[number].Rows);
                }

                if (now.Frame != before.Frame)
                {
                    Want(now, before);
                    before = now;
                }
            }
        }
        catch (Exception e) // told when it is disposed
        {
            _failure = e;
        }
    }

    private void Want(Camera now, Camera before)
    {
        foreach (int horizon in s_horizons)
        {
            _world.Look(now.Predict(before, horizon), _visible);
            foreach ((_, int number) in _visible)
            {
                if (!_wantedAt.TryGetValue(number, out int last) || now.Frame - last > FramesUntilForgotten)
                {
                    Asset asset = _world[number];
                    _reader.Ahead(asset.First, asset.Rows);
                }

                _wantedAt[number] = now.Frame;
            }
        }
    }
}
