using System.Diagnostics;
using System.Globalization;
using Paging.Peers.Data;

namespace Paging.Peers.Workloads;

/// <summary>A camera flies over the assets at 60 frames a second. What comes into sight is opened in that frame: copied out whole, and
/// every row of it verified.</summary>
/// <remarks>The camera moves by a step a frame, however long frames take: everyone opens the same assets in the same frames.</remarks>
internal sealed class AssetFlight(IAssetReader reader, long rows, int[] versions, byte[] buffer, int seed)
{
    public const double DeadlineMilliseconds = 16;
    private readonly AssetWorld _world = new(rows, seed);
    private readonly CameraPath _path = new(seed);
    private readonly HashSet<int> _opened = [];
    private readonly HashSet<int> _late = [];
    private readonly List<int> _missing = [];
    private readonly List<(float Distance, int Asset)> _visible = [];
    private Camera? _last;

    /// <summary>So many frames, with the reader told ahead.</summary>
    /// <param name="mayWait">Whether an asset that is not in memory is waited for, or is tried again in the next frame.</param>
    /// <returns>Assets opened, those of them that were late, and frames in which something was missing; then how long each frame took, in
    /// milliseconds.</returns>
    public string Fly(int frames, bool mayWait)
    {
        if (_last is null)
        {
            _last = _path.Next();
            Open(_last.Value, mayWait: true); // as a loading screen does
        }

        double[] times = new double[frames];
        int opened = 0;
        int lateFrames = 0;
        _late.Clear();
        using (AssetsAhead ahead = new(_world, reader, _last.Value))
        {
            long frameTicks = (long)(DeadlineMilliseconds / 1000 * Stopwatch.Frequency);
            long next = Stopwatch.GetTimestamp();
            for (int i = 0; i < frames; i++)
            {
                while (Stopwatch.GetTimestamp() < next)
                {
                    Thread.Sleep(Math.Max(1, (int)((next - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency)));
                }

                Camera camera = _path.Next();
                long start = Stopwatch.GetTimestamp();
                ahead.Follow(camera, _missing);
                int done = Open(camera, mayWait);
                times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                opened += done;
                lateFrames += _missing.Count > 0 ? 1 : 0;
                next = start + frameTicks;
                _last = camera;
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{opened} {_late.Count} {lateFrames} ")
            + string.Join(' ', times.Select(t => t.ToString("0.000", CultureInfo.InvariantCulture)));
    }

    /// <summary>What is newly in sight; what is not any more is closed.</summary>
    private int Open(Camera camera, bool mayWait)
    {
        int opened = 0;
        _missing.Clear();
        _world.Look(camera, _visible);
        foreach ((_, int number) in _visible)
        {
            if (_opened.Contains(number))
            {
                continue;
            }

            Asset asset = _world[number];
            Span<byte> bytes = buffer.AsSpan(0, asset.Rows * Row.Bytes);
            if (mayWait)
            {
                reader.ReadRun(asset.First, asset.Rows, bytes);
            }
            else if (!reader.TryReadRun(asset.First, asset.Rows, bytes))
            {
                _missing.Add(number);
                _late.Add(number);
                continue;
            }

            for (int i = 0; i < asset.Rows; i++)
            {
                Row.Verify(bytes.Slice(i * Row.Bytes, Row.Bytes), asset.First + i, versions[asset.First + i]);
            }

            opened++;
            _opened.Add(number);
        }

        _opened.RemoveWhere(number => !IsVisible(number));
        return opened;
    }

    private bool IsVisible(int number)
    {
        foreach ((_, int visible) in _visible)
        {
            if (visible == number)
            {
                return true;
            }
        }

        return false;
    }
}
