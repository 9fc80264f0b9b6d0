using System.Numerics;

namespace AssetStreaming;

/// <param name="Tile">Which one.</param>
/// <param name="Level">Of its texture: the nearer, the finer.</param>
/// <param name="Offset">From the camera to its middle, in tiles.</param>
internal readonly record struct VisibleTile(int Tile, int Level, Vector2 Offset)
{
    public bool HasMesh => Level <= 1;
}

/// <summary>What a camera sees: the tiles in front of it and around it, to a radius. The world goes round at its edges.</summary>
internal static class View
{
    private const float Radius = 5;
    private const float CosineOfHalfAngle = 0.6f;
    private const float AlwaysSeen = 0.8f;

    public static void Fill(List<VisibleTile> visible, WorldLayout layout, Camera camera)
    {
        visible.Clear();
        int reach = (int)Radius + 1;
        int centreX = (int)MathF.Floor(camera.Position.X), centreY = (int)MathF.Floor(camera.Position.Y);
        for (int y = centreY - reach; y <= centreY + reach; y++)
        {
            for (int x = centreX - reach; x <= centreX + reach; x++)
            {
                Vector2 offset = new Vector2(x + 0.5f, y + 0.5f) - camera.Position;
                float distance = offset.Length();
                bool isSeen = distance < AlwaysSeen
                    || (distance < Radius && Vector2.Dot(offset, camera.Direction) > distance * CosineOfHalfAngle);
                if (isSeen)
                    visible.Add(new VisibleTile((Wrap(y, layout.Tiles) * layout.Tiles) + Wrap(x, layout.Tiles), LevelAt(distance), offset));
            }
        }

        // The nearest first: they matter most, to who draws and to who brings in.
        visible.Sort(static (a, b) => a.Offset.LengthSquared().CompareTo(b.Offset.LengthSquared()));
    }

    private static int LevelAt(float distance) => distance switch
    {
        < 1.6f => 0,
        < 2.8f => 1,
        < 4f => 2,
        _ => WorldLayout.Coarsest,
    };

    private static int Wrap(int place, int tiles) => ((place % tiles) + tiles) % tiles;
}
