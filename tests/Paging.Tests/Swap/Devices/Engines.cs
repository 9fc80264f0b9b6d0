using Paging.Swap.Devices;

namespace Paging.Tests.Swap.Devices;

/// <summary>Every engine, for tests that all of them must pass.</summary>
internal static class Engines
{
    public static TheoryData<string> Names() => [nameof(IoEngineKind.Threads), nameof(IoEngineKind.Uring)];

    /// <summary>Skips the test only where the kernel refuses io_uring, and says so to whoever asks for it.</summary>
    public static IoEngine Create(string name)
    {
        IoEngineKind kind = Enum.Parse<IoEngineKind>(name);
        if (kind == IoEngineKind.Uring)
        {
            int error = UringEngine.TryCreate(out UringEngine? engine);
            Assert.Equal(error == 0, engine is not null);
            engine?.Dispose();
            if (error != 0)
            {
                Assert.Throws<PlatformNotSupportedException>(() => IoEngine.Create(kind));
                Assert.Skip($"The kernel refuses io_uring: errno {error}.");
            }
        }

        IoEngine created = IoEngine.Create(kind);
        Assert.Equal(kind, created.Kind);
        return created;
    }
}
