using FsCheck.Fluent;

namespace Paging.Tests.Model;

public sealed class SeededTests
{
    [Fact]
    public void A_failure_is_told_with_its_seed_after_so_many_simpler_cases()
    {
        int seen = 0;
        Exception failure = Assert.ThrowsAny<Exception>(() => Seeded.Check(1, Gen.Constant(1 << 20), Seeded.Shrink, Fail, shrinks: 7));
        Assert.Contains("PAGING_SEED=", failure.Message, StringComparison.Ordinal);
        Assert.Equal(1 + 7, seen);

        void Fail(int value)
        {
            seen++;
            Assert.True(value < 3, "too large");
        }
    }
}
