namespace Paging.Analyzers.Tests;

/// <summary>What the fix makes of wrong uses; and where there is none.</summary>
public sealed class LeaseCodeFixTests
{
    [Theory]
    [InlineData("var l = [|a.Read(0)|];\nUse(l.Span);", "using var l = a.Read(0);\nUse(l.Span);")]
    [InlineData("// Why.\nReadLease<int> l = [|a.Read(0)|];\nUse(l.Span);", "// Why.\nusing ReadLease<int> l = a.Read(0);\nUse(l.Span);")]
    [InlineData("var l = {|PAGING002:a.Read(0)|};\nUse(l.Span);\nl.Dispose();", "using var l = a.Read(0);\nUse(l.Span);\nl.Dispose();")]
    [InlineData("int x = [|a.Read(0)|].Span[0];", "using var lease = a.Read(0);\nint x = lease.Span[0];")]
    [InlineData("int lease = 1;\nUse([|a.Read(lease)|].Span);", "int lease = 1;\nusing var lease2 = a.Read(lease);\nUse(lease2.Span);")]
    [InlineData("[|a.Write(0)|].Span[0] = 1;", "using var lease = a.Write(0);\nlease.Span[0] = 1;")]
    [InlineData("_ = [|a.Write(0)|];", "using var lease = a.Write(0);")]
    [InlineData("[|a.Write(0)|];", "using var lease = a.Write(0);")]
    [InlineData("if (c)\n{\n    [|a.Write(0)|].Span.Clear();\n}", "if (c)\n{\n    using var lease = a.Write(0);\n    lease.Span.Clear();\n}")]
    public Task The_lease_is_declared_with_using(string body, string after) => Lease.CheckFix(Marked(body), after);

    [Theory]
    [InlineData("var l = [|a.Read(0)|];\nl = default;")]
    [InlineData("Use(c ? [|a.Read(0)|].Span : default);")]
    [InlineData("if ([|a.Read(0)|].Span[0] == 1) { }")]
    [InlineData("Func<int> f = () => [|a.Read(0)|].Span[0];")]
    [InlineData("a.TryRead(0, [|out _|]);")]
    public Task Where_that_would_not_do_nothing_is_offered(string body) => Lease.CheckFix(Marked(body), Marked(body));

    private static string Marked(string body) =>
        body.Replace("[|", "{|PAGING001:", StringComparison.Ordinal).Replace("|]", "|}", StringComparison.Ordinal);
}
