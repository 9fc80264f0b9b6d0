namespace Paging.Stress.Driver;

/// <summary>12 bytes, which divide no page.</summary>
internal readonly record struct Vector(float X, float Y, float Z);

/// <summary>28 bytes, which divide no page.</summary>
internal readonly record struct Particle(float X, float Y, float Z, float Vx, float Vy, float Vz, int Id);
