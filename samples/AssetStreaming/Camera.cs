using System.Numerics;

namespace AssetStreaming;

/// <summary>Where the camera is, in tiles, and where it looks, in radians.</summary>
internal readonly record struct Camera(int Frame, Vector2 Position, float Heading)
{
    public Vector2 Direction => new(MathF.Cos(Heading), MathF.Sin(Heading));

    /// <summary>Where it will be, going on as since <paramref name="before"/>.</summary>
    public Camera Predict(Camera before, int frames)
    {
        float share = (float)frames / Math.Max(1, Frame - before.Frame);
        return new(Frame + frames, Position + ((Position - before.Position) * share), Heading + ((Heading - before.Heading) * share));
    }
}

/// <summary>A flight: straight on, with a turn now and then, each smooth and some of them sharp.</summary>
internal static class Flight
{
    private const float TilesPerFrame = 0.1f;
    private const int Straight = 60;
    private const int Turn = 30;

    public static Camera[] Plan(int frames, int seed)
    {
        Random random = new(seed);
        Camera[] path = new Camera[frames];
        Vector2 position = new(0.5f, 0.5f);
        float heading = 0, from = 0, to = 0;
        for (int frame = 0; frame < frames; frame++)
        {
            int phase = frame % (Straight + Turn);
            if (phase == Straight)
            {
                // 45 to 150 degrees in half a second, to either side.
                from = heading;
                to = heading + ((random.Next(2) == 0 ? -1 : 1) * MathF.PI * (0.25f + (0.6f * random.NextSingle())));
            }

            if (phase >= Straight)
            {
                float share = (float)(phase - Straight + 1) / Turn;
                heading = from + ((to - from) * share * share * (3 - (2 * share)));
            }

            path[frame] = new Camera(frame, position, heading);
            position += TilesPerFrame * path[frame].Direction;
        }

        return path;
    }
}
