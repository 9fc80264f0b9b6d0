namespace AssetStreaming;

/// <summary>Makes textures and meshes from noise: hills of a few sizes, coloured by height, with a little grain, so that they compress
/// about as far as painted ones do. One thread each.</summary>
internal sealed class TileGenerator(int seed)
{
    private const int Octaves = 3;
    private const int FirstCells = 4;

    private readonly float[] _height = new float[WorldLayout.TexelsIn(0)];

    /// <summary>Textures by level, finest first.</summary>
    public uint[][] Textures { get; } =
        [.. Enumerable.Range(0, WorldLayout.Levels).Select(level => new uint[WorldLayout.TexelsIn(level)])];

    public float[] Mesh { get; } = new float[WorldLayout.MeshFloats];

    public void Make(int tile)
    {
        MakeHeight(tile);
        MakeTexture(tile);
        for (int level = 1; level < WorldLayout.Levels; level++)
            Halve(Textures[level - 1], Textures[level], WorldLayout.Side(level));
        MakeMesh();
    }

    private void MakeHeight(int tile)
    {
        int side = WorldLayout.Side(0);
        Array.Clear(_height);
        for (int octave = 0; octave < Octaves; octave++)
        {
            int cells = FirstCells << (2 * octave);
            int step = side / cells;
            float weight = 0.6f / (1 << (2 * octave));
            for (int y = 0; y < side; y++)
            {
                int row = y / step;
                float down = Smooth((float)(y % step) / step);
                for (int cell = 0; cell < cells; cell++)
                {
                    float left = Mix(Noise(tile, octave, cell, row), Noise(tile, octave, cell, row + 1), down);
                    float right = Mix(Noise(tile, octave, cell + 1, row), Noise(tile, octave, cell + 1, row + 1), down);
                    Span<float> run = _height.AsSpan((y * side) + (cell * step), step);
                    for (int x = 0; x < step; x++)
                        run[x] += weight * Mix(left, right, Smooth((float)x / step));
                }
            }
        }
    }

    private void MakeTexture(int tile)
    {
        uint tint = Hash(seed, tile, -1, 0, 0);
        for (int i = 0; i < _height.Length; i++)
        {
            // Grain in one texel of four, since brushes are seldom as fine as texels.
            uint grain = (i & 3) == 0 ? Hash(seed, tile, -2, i, 0) & 3 : 0;
            uint shade = (uint)(_height[i] * 160) + grain;
            uint red = shade + (tint & 31);
            uint green = shade + ((tint >> 8) & 63);
            uint blue = (shade / 2) + ((tint >> 16) & 31);
            Textures[0][i] = 0xFF000000 | (blue << 16) | (green << 8) | red;
        }
    }

    private static void Halve(uint[] fine, uint[] coarse, int side)
    {
        for (int y = 0; y < side; y++)
        {
            for (int x = 0; x < side; x++)
                coarse[(y * side) + x] = Average(fine.AsSpan(4 * y * side), 2 * x, 2 * side, 2);
        }
    }

    /// <summary>The average colour of a square of texels.</summary>
    public static uint Average(ReadOnlySpan<uint> texels, int start, int stride, int side)
    {
        // Two channels a sum, 16 bits each, which holds squares of up to 16 by 16.
        uint even = 0, odd = 0;
        for (int y = 0; y < side; y++)
        {
            foreach (uint texel in texels.Slice(start + (y * stride), side))
            {
                even += texel & 0x00FF00FF;
                odd += (texel >> 8) & 0x00FF00FF;
            }
        }

        int shift = 2 * int.Log2(side);
        return ((even >> shift) & 0x00FF00FF) | (((odd >> shift) & 0x00FF00FF) << 8);
    }

    private void MakeMesh()
    {
        const int Side = WorldLayout.MeshSide;
        const int Vertices = WorldLayout.Vertices;
        int spacing = WorldLayout.Side(0) / Side;
        for (int vertex = 0; vertex < Vertices; vertex++)
        {
            int x = vertex % Side, y = vertex / Side;
            float height = HeightAt(x * spacing, y * spacing);
            float slopeX = HeightAt((x + 1) * spacing, y * spacing) - height;
            float slopeY = HeightAt(x * spacing, (y + 1) * spacing) - height;
            float length = MathF.Sqrt((slopeX * slopeX) + (slopeY * slopeY) + 0.01f);
            Mesh[vertex] = (float)x / Side;
            Mesh[Vertices + vertex] = (float)y / Side;
            Mesh[(2 * Vertices) + vertex] = height;
            Mesh[(3 * Vertices) + vertex] = -slopeX / length;
            Mesh[(4 * Vertices) + vertex] = -slopeY / length;
            Mesh[(5 * Vertices) + vertex] = 0.1f / length;
        }

        int corner = 6 * Vertices;
        for (int vertex = 0; vertex < Vertices - Side; vertex++)
        {
            if (vertex % Side == Side - 1)
                continue;
            foreach (int offset in (ReadOnlySpan<int>)[0, 1, Side, Side, 1, Side + 1])
                Mesh[corner++] = vertex + offset;
        }
    }

    private float HeightAt(int x, int y)
    {
        int last = WorldLayout.Side(0) - 1;
        return _height[(Math.Min(y, last) * WorldLayout.Side(0)) + Math.Min(x, last)];
    }

    private float Noise(int tile, int octave, int x, int y) => (Hash(seed, tile, octave, x, y) >> 8) * (1f / (1 << 24));

    private static uint Hash(int seed, int tile, int octave, int x, int y)
    {
        uint hash = ((uint)seed * 0x9E3779B1) ^ ((uint)tile * 0x85EBCA77) ^ ((uint)octave * 0xC2B2AE3D)
            ^ ((uint)x * 0x27D4EB2F) ^ ((uint)y * 0x165667B1);
        hash = (hash ^ (hash >> 15)) * 0x2C1B3C6D;
        hash = (hash ^ (hash >> 12)) * 0x297A2D39;
        return hash ^ (hash >> 15);
    }

    private static float Smooth(float share) => share * share * (3 - (2 * share));

    private static float Mix(float a, float b, float share) => a + ((b - a) * share);
}
