using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Paging.Analyzers;

/// <summary>The types of leases, and what gives one.</summary>
internal sealed class LeaseTypes
{
    private readonly INamedTypeSymbol _read;
    private readonly INamedTypeSymbol _write;

    private LeaseTypes(INamedTypeSymbol read, INamedTypeSymbol write)
    {
        _read = read;
        _write = write;
    }

    /// <summary>Null where the program does not know the library.</summary>
    internal static LeaseTypes? TryFind(Compilation compilation) =>
        compilation.GetTypeByMetadataName("Paging.ReadLease`1") is { } read
        && compilation.GetTypeByMetadataName("Paging.WriteLease`1") is { } write
            ? new LeaseTypes(read, write)
            : null;

    internal bool IsLease(ITypeSymbol? type) => type is INamedTypeSymbol { IsGenericType: true } named
        && (SymbolEqualityComparer.Default.Equals(named.OriginalDefinition, _read)
            || SymbolEqualityComparer.Default.Equals(named.OriginalDefinition, _write));

    /// <summary>Whether an operation gives a lease, in whatever way.</summary>
    internal bool MayCreate(IOperation operation) => Creates(operation)
        || (operation is IInvocationOperation invocation && invocation.Arguments.Any(IsGiven));

    /// <summary>Whether the value of an operation is a lease that is the caller's from then on: whatever a method returns.</summary>
    internal bool Creates(IOperation operation) => operation is IInvocationOperation { TargetMethod.ReturnsByRef: false } invocation
        && !invocation.TargetMethod.ReturnsByRefReadonly
        && IsLease(invocation.Type);

    /// <summary>Whether an argument is a lease that the call gives.</summary>
    internal bool IsGiven(IArgumentOperation argument) =>
        argument.Parameter?.RefKind == RefKind.Out && IsLease(argument.Parameter.Type);

    /// <summary>Whether a call ends the lease that it is called on.</summary>
    internal bool IsDispose(IInvocationOperation invocation) =>
        invocation.TargetMethod is { Name: "Dispose", Parameters.IsEmpty: true } && IsLease(invocation.TargetMethod.ContainingType);
}
