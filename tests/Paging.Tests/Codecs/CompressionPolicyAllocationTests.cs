using Paging.Codecs;
using Paging.Stress.Driver;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Codecs;

/// <summary>What encoding and decoding allocate. Alone: contexts are shared by the process, and a thread that has to wait for one, or makes one
/// that was given up while others rested, allocates.</summary>
[Collection(Alone.Name)]
public sealed class CompressionPolicyAllocationTests
{
    private const int PageBytes = 4 << 10;

    [Theory]
    [InlineData(CompressionGoal.Speed)]
    [InlineData(CompressionGoal.Balanced)]
    [InlineData(CompressionGoal.Ratio)]
    public void Once_warm_nothing_is_allocated_on_the_managed_heap(CompressionGoal goal)
    {
        var rng = new Rng(1);
        byte[][] pages = [.. Enumerable.Range(0, 24).Select(i => PageKinds.Any(ref rng, i % 12 == 0 ? 80 << 10 : PageBytes))];
        using var target = new CompressionPolicyTests.Target(80 << 10);
        CompressionPolicy[] policies = [new(4, goal, filter: null), new(12, goal, PageFilter.Delta), new(12, goal, PageFilter.BitShuffle)];
        int uses = 0;
        for (int i = 0; i < 4 * pages.Length; i++)
            Use();
        Assert.Equal(0, Allocations.Least(Use, 2 * pages.Length));

        void Use()
        {
            byte[] page = pages[uses++ % pages.Length];
            foreach (CompressionPolicy policy in policies)
            {
                StoredForm form = target.Encode(policy, page);
                if (!target.Decode(form, page.Length).SequenceEqual(page))
                    Assert.Fail("The page is not what it was.");
            }
        }
    }
}
