using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Paging.Analyzers;

/// <summary>Finds leases that are not disposed: a page stays pinned for good by one, and its frame is lost. The platform's own CA2000 does
/// not see them, since a ref struct implements no interface that it would look for.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class LeaseAnalyzer : DiagnosticAnalyzer
{
    /// <summary>There is a path on which it is not disposed.</summary>
    public const string NotDisposedId = "PAGING001";

    /// <summary>It is disposed on all paths but those of exceptions.</summary>
    public const string NotOnExceptionId = "PAGING002";

    private static readonly DiagnosticDescriptor s_notDisposed = new(
        NotDisposedId,
        "A lease is not disposed on every path",
        "The lease that '{0}' gives is not disposed on every path, and keeps its page pinned: declare it with 'using'",
        "Reliability",
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A lease pins a page in its frame until it is disposed. One that is not makes Dispose of its array and of its pager fail, and "
            + "takes a frame away for good.");

    private static readonly DiagnosticDescriptor s_notOnException = new(
        NotOnExceptionId,
        "A lease is not disposed when an exception is thrown",
        "The lease that '{0}' gives is not disposed when an exception is thrown: declare it with 'using'",
        "Reliability",
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Between the lease and its Dispose there is a call that may throw. Then the page stays pinned.");

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics => [s_notDisposed, s_notOnException];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterCompilationStartAction(static start =>
        {
            if (LeaseTypes.TryFind(start.Compilation) is { } leases)
            {
                start.RegisterOperationBlockAction(block => Analyze(block, leases));
            }
        });
    }

    private static void Analyze(OperationBlockAnalysisContext context, LeaseTypes leases)
    {
        foreach (IOperation block in context.OperationBlocks)
        {
            // Most bodies have none, and a graph costs more than a look.
            if (block.Descendants().Any(leases.MayCreate))
            {
                Analyze(context, leases, context.GetControlFlowGraph(block));
            }
        }
    }

    private static void Analyze(OperationBlockAnalysisContext context, LeaseTypes leases, ControlFlowGraph graph)
    {
        var flow = new LeaseFlow(graph, leases, context.CancellationToken);
        flow.Run();
        foreach (IOperation creation in flow.NotDisposed)
        {
            context.ReportDiagnostic(Diagnostic.Create(s_notDisposed, creation.Syntax.GetLocation(), NameOf(creation)));
        }

        foreach (IOperation creation in flow.NotOnException.Where(creation => !flow.NotDisposed.Contains(creation)))
        {
            context.ReportDiagnostic(Diagnostic.Create(s_notOnException, creation.Syntax.GetLocation(), NameOf(creation)));
        }

        foreach (IMethodSymbol function in graph.LocalFunctions)
        {
            Analyze(context, leases, graph.GetLocalFunctionControlFlowGraph(function, context.CancellationToken));
        }

        foreach (IFlowAnonymousFunctionOperation lambda in graph.Blocks
            .SelectMany(static block => block.BranchValue is null ? block.Operations : block.Operations.Add(block.BranchValue))
            .SelectMany(static operation => operation.DescendantsAndSelf())
            .OfType<IFlowAnonymousFunctionOperation>())
        {
            Analyze(context, leases, graph.GetAnonymousFunctionControlFlowGraph(lambda, context.CancellationToken));
        }
    }

    private static string NameOf(IOperation creation)
    {
        IOperation call = creation is IArgumentOperation { Parent: { } parent } ? parent : creation;
        return call is IInvocationOperation invocation ? invocation.TargetMethod.Name : call.Syntax.ToString();
    }
}
