using System.Numerics;
using Paging.Peers.Data;

namespace Paging.Peers.Workloads;

/// <summary>A file of the world: a run of rows.</summary>
internal readonly record struct Asset(long First, int Rows)
{
    public const int FewestRows = (64 << 10) / Row.Bytes;
    public const int MostRows = (4 << 20) / Row.Bytes;
}

/// <summary>Where the camera is, in places of assets, and where it looks, in radians.</summary>
internal readonly record struct Camera(int Frame, Vector2 Position, float Heading)
{
    /// <summary>Where it will be, going on as since <paramref name="before"/>.</summary>
    public Camera Predict(Camera before, int frames)
    {
        float share = (float)frames / Math.Max(1, Frame - before.Frame);
        return new(Frame + frames, Position + ((Position - before.Position) * share), Heading + ((Heading - before.Heading) * share));
    }
}

/// <summary>Assets of 64 KiB to 4 MiB, as many of each doubling, an asset in each place of a square that goes round at its edges.</summary>
internal sealed class AssetWorld
{
    private const float CosineOfHalfAngle = 0.6f;
    private const float AlwaysSeen = 0.8f;

    private readonly List<Asset> _assets = [];
    private readonly int _side;
    private readonly float _radius;

    public AssetWorld(long rows, int seed)
    {
        Random random = new(seed);
        for (long first = 0; ;)
        {
            int count = (int)(Asset.FewestRows * Math.Pow(Asset.MostRows / Asset.FewestRows, random.NextDouble()));
            if (first + count > rows)
            {
                break;
            }

            _assets.Add(new Asset(first, count));
            first += count;
        }

        _side = (int)Math.Sqrt(_assets.Count);
        _radius = Math.Clamp(_side / 6f, 1.5f, 5);
    }

    public Asset this[int number] => _assets[number];

    /// <summary>The assets in sight, the nearest first: what is around the camera, and in front of it to a sixth of the world's side.</summary>
    public void Look(Camera camera, List<(float Distance, int Asset)> visible)
    {
        visible.Clear();
        Vector2 direction = new(MathF.Cos(camera.Heading), MathF.Sin(camera.Heading));
        int reach = (int)_radius + 1;
        int centreX = (int)MathF.Floor(camera.Position.X), centreY = (int)MathF.Floor(camera.Position.Y);
        for (int y = centreY - reach; y <= centreY + reach; y++)
        {
            for (int x = centreX - reach; x <= centreX + reach; x++)
            {
                Vector2 offset = new Vector2(x + 0.5f, y + 0.5f) - camera.Position;
                float distance = offset.Length();
                if (distance < AlwaysSeen || (distance < _radius && Vector2.Dot(offset, direction) > distance * CosineOfHalfAngle))
                {
                    visible.Add((distance, (Wrap(y) * _side) + Wrap(x)));
                }
            }
        }

        visible.Sort();
    }

    private int Wrap(int place) => ((place % _side) + _side) % _side;
}

/// <summary>A flight without end, the same for the same seed: straight on, with a turn of 45 to 150 degrees in half a second now and then.</summary>
internal sealed class CameraPath(int seed)
{
    private const float PlacesAFrame = 0.1f;
    private const int Straight = 20;
    private const int Turn = 30;
    private readonly Random _random = new(seed);
    private Vector2 _position = new(0.5f, 0.5f);
    private int _frame;
    private float _heading;
    private float _from;
    private float _to;

    public Camera Next()
    {
        int phase = _frame % (Straight + Turn);
        if (phase == Straight)
        {
            _from = _heading;
            _to = _heading + ((_random.Next(2) == 0 ? -1 : 1) * MathF.PI * (0.25f + (0.6f * _random.NextSingle())));
        }

        if (phase >= Straight)
        {
            float share = (float)(phase - Straight + 1) / Turn;
            _heading = _from + ((_to - _from) * share * share * (3 - (2 * share)));
        }

        Camera camera = new(_frame++, _position, _heading);
        _position += PlacesAFrame * new Vector2(MathF.Cos(_heading), MathF.Sin(_heading));
        return camera;
    }
}
