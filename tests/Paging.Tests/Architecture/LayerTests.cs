using Paging.Tests.Architecture.Sample.Lower;

namespace Paging.Tests.Architecture;

/// <summary>Layers point down: what is compiled says so, not a table in a document. And controls: the check sees whatever kind of reference
/// points upwards.</summary>
public class LayerTests
{
    private static readonly Lazy<TypeUses> s_library = new(
        () => TypeUses.Of(typeof(Pager).Assembly.Location, "/src/Paging/", ("Paging.Interop", "Interop")));

    private static readonly Lazy<TypeUses> s_sample = new(
        () => TypeUses.Of(typeof(LayerTests).Assembly.Location, "/tests/Paging.Tests/Architecture/Sample/"));

    [Fact]
    public void References_point_down() => AssertNone(LayerOrder.Upward(s_library.Value.All, LayerOrder.Folders));

    [Fact]
    public void Folders_stand_in_no_cycle() => AssertNone(LayerOrder.InCycles(s_library.Value.All));

    /// <summary>Otherwise nothing would be looked at, and nothing found.</summary>
    [Fact]
    public void Every_type_and_every_folder_is_looked_at()
    {
        AssertNone(s_library.Value.Unplaced);
        Assert.Equal(
            LayerOrder.Folders.Order(), s_library.Value.All.SelectMany(static use => new[] { use.Folder, use.TargetFolder }).Distinct().Order());
    }

    [Theory]
    [InlineData("Swap", "Codecs", "CompressionPolicy")]
    [InlineData("Residency", "(root)", "PageAccessor")]
    [InlineData("Codecs", "Contract", "CompressionGoal")]
    [InlineData("Swap/Devices", "Interop", "IoUring")]
    public void A_wrong_order_is_found(string lower, string upper, string target)
    {
        string[] order = [.. LayerOrder.Folders];
        (string first, string second) = Array.IndexOf(order, lower) < Array.IndexOf(order, upper) ? (lower, upper) : (upper, lower);
        int at = Array.IndexOf(order, first);
        int to = Array.IndexOf(order, second);
        (order[at], order[to]) = (order[to], order[at]);
        Assert.Contains(
            LayerOrder.Upward(s_library.Value.All, order), complaint => complaint.Contains($" refers to {target} in ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_without_a_place_is_found() =>
        Assert.Contains(
            LayerOrder.Upward(s_library.Value.All, [.. LayerOrder.Folders.Except(["Memory"])]),
            static complaint => complaint.EndsWith("in Memory, which has no place in the order", StringComparison.Ordinal));

    [Theory]
    [InlineData(nameof(ByBase))]
    [InlineData(nameof(ByInterface))]
    [InlineData(nameof(ByField))]
    [InlineData(nameof(ByParameter))]
    [InlineData(nameof(ByPointer))]
    [InlineData(nameof(ByGenericArgument))]
    [InlineData(nameof(ByConstraint))]
    [InlineData(nameof(ByLocal))]
    [InlineData(nameof(ByCall))]
    [InlineData(nameof(ByGenericCall))]
    [InlineData(nameof(ByToken))]
    [InlineData(nameof(ByCatch))]
    [InlineData(nameof(ByLambda))]
    [InlineData(nameof(ByAttribute))]
    [InlineData(nameof(ByImport))]
    public void Every_kind_of_reference_is_found(string type) => Assert.Contains(type, UpwardInSample());

    [Fact]
    public void What_points_down_is_no_complaint()
    {
        Assert.DoesNotContain(nameof(Reaching), UpwardInSample());
        Assert.Empty(LayerOrder.Upward(s_sample.Value.All, ["Upper", "Lower"]));
    }

    [Fact]
    public void Cycles_are_found()
    {
        TypeUse[] line = [Use("A", "B"), Use("B", "C"), Use("B", "B"), Use("A", "C")];
        Assert.Empty(LayerOrder.InCycles(line));
        Assert.Equal(["B", "C"], LayerOrder.InCycles([.. line, Use("C", "B")]));
        Assert.Equal(["A", "B", "C"], LayerOrder.InCycles([.. line, Use("C", "A")]));

        static TypeUse Use(string from, string to) => new("X.Y", from, "Z", to);
    }

    /// <summary>The types of the lower folder that refer to the upper one.</summary>
    private static IEnumerable<string> UpwardInSample() =>
        LayerOrder.Upward(s_sample.Value.All, ["Lower", "Upper"]).Select(
            static complaint => complaint[..complaint.IndexOf('.', StringComparison.Ordinal)]);

    /// <summary>With all of what is wrong in the message.</summary>
    private static void AssertNone(IEnumerable<string> complaints)
    {
        string[] all = [.. complaints];
        Assert.True(all.Length == 0, string.Join(Environment.NewLine, all));
    }
}
