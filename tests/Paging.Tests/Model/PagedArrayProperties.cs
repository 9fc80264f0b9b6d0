using Paging.Stress.Driver;

namespace Paging.Tests.Model;

/// <summary>Any sequence of operations leaves in a paged array what it leaves in an array.</summary>
public class PagedArrayProperties
{
    [Theory]
    [InlineData(typeof(byte), 0)]
    [InlineData(typeof(float), 1)]
    [InlineData(typeof(Vector), 2)]
    [InlineData(typeof(decimal), 0)]
    [InlineData(typeof(Particle), 1)]
    public void One_array_holds_what_a_plain_array_holds(Type element, int backgroundThreads) =>
        Seeded.Check(15, Script.Roomy(backgroundThreads, element), Script.Shrink, script => ScriptRun.Execute(script, loaded: false));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Arrays_of_all_types_and_page_sizes_share_a_pager_without_mixing(int backgroundThreads) =>
        Seeded.Check(25, Script.Roomy(backgroundThreads), Script.Shrink, script => ScriptRun.Execute(script, loaded: false));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_pool_near_full_refuses_writes_and_loses_nothing(int backgroundThreads) =>
        Seeded.Check(12, Script.Tight(backgroundThreads), Script.Shrink, script => ScriptRun.Execute(script, loaded: true));

    [Theory]
    [InlineData(typeof(byte), 0)]
    [InlineData(typeof(Particle), 1)]
    public void One_array_larger_than_the_pool_refuses_writes_and_loses_nothing(Type element, int backgroundThreads) =>
        Seeded.Check(12, Script.Tight(backgroundThreads, element), Script.Shrink, script => ScriptRun.Execute(script, loaded: true));
}
