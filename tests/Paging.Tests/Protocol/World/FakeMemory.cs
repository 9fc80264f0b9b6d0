using Paging.Memory;

namespace Paging.Tests.Protocol;

/// <summary>A system that has as much memory left as it is told to.</summary>
internal sealed class FakeMemory : IMemorySource
{
    /// <summary>Null for a system that says nothing. At first there is plenty.</summary>
    internal MemoryReading? Reading { get; set; } = new MemoryReading(1L << 40, 1L << 41, 0);

    public bool TryRead(out MemoryReading reading)
    {
        reading = Reading ?? default;
        return Reading is not null;
    }
}
