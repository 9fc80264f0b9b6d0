using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Testing;
using Microsoft.CodeAnalysis.Testing;
using Paging.CodeFixes;

namespace Paging.Analyzers.Tests;

/// <summary>Runs the analyzer, and the fix, over the body of a method that has an array, a matrix and helpers at hand.</summary>
internal static class Lease
{
    private const string Head = """
        using System;
        using Paging;

        ref struct Holder
        {
            private ReadLease<int> _lease;
            public Holder(ReadLease<int> lease) => _lease = lease;
            public void Set(ReadLease<int> lease) { _lease = lease; lease.Dispose(); }
            public void Keep(PagedArray<int> array) => _lease = array.Read(0);
            public void Dispose() => _lease.Dispose();
        }

        class C
        {
            static void Use(ReadOnlySpan<int> span) { }
            static void Look(in ReadLease<int> lease) { }
            static void LookAtCopy(ReadLease<int> lease) { }
            static void Take(ReadLease<int> lease) { lease.Dispose(); }
            static void TakeWithUsing(ReadLease<int> lease) { using (lease) { Use(lease.Span); } }
            static void Exchange(ref ReadLease<int> lease) { lease.Dispose(); lease = default; }
            static ReadLease<int> Same(ReadLease<int> lease) { return lease; }

        """;

    /// <summary>The runtime's own assemblies and the library: nothing is downloaded.</summary>
    private static readonly MetadataReference[] s_references =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(static path => Path.GetFileName(path) is "Paging.dll" || (Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal)
                && Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location)))
            .Select(static path => MetadataReference.CreateFromFile(path)),
    ];

    /// <summary>Checks what is found in a body, in which <c>[|</c> and <c>|]</c>, or <c>{|PAGING002:</c> and <c>|}</c>, stand around it.</summary>
    internal static async Task Check(string body, bool isMembers = false)
    {
        var test =
            new CSharpAnalyzerTest<LeaseAnalyzer, DefaultVerifier> { TestCode = Program(body, isMembers), ReferenceAssemblies = new("net10.0") };
        test.TestState.AdditionalReferences.AddRange(s_references);
        test.SolutionTransforms.Add(AllowAll);
        await test.RunAsync(TestContext.Current.CancellationToken);
    }

    internal static async Task CheckFix(string body, string after)
    {
        var test = new CSharpCodeFixTest<LeaseAnalyzer, LeaseCodeFix, DefaultVerifier>
        {
            TestCode = Program(body, isMembers: false),
            FixedCode = Program(after, isMembers: false),
            ReferenceAssemblies = new("net10.0"),
        };
        test.TestState.AdditionalReferences.AddRange(s_references);
        test.FixedState.AdditionalReferences.AddRange(s_references);
        test.SolutionTransforms.Add(AllowAll);
        await test.RunAsync(TestContext.Current.CancellationToken);
    }

    private static string Program(string body, bool isMembers)
    {
        string indented = string.Join('\n', body.Split('\n').Select(line => line.Length == 0 ? line : (isMembers ? "    " : "        ") + line));
        return (isMembers
            ? $"{Head}\n{indented}\n}}\n"
            : $"{Head}\n    void M(PagedArray<int> a, PagedMatrix<float> m, bool c)\n    {{\n{indented}\n    }}\n}}\n")
                .Replace("\r", "", StringComparison.Ordinal);
    }

    private static Solution AllowAll(Solution solution, ProjectId project) => solution.WithProjectParseOptions(
        project,
        new Microsoft.CodeAnalysis.CSharp.CSharpParseOptions(Microsoft.CodeAnalysis.CSharp.LanguageVersion.Latest));
}
