using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Paging.Analyzers;

/// <summary>What each operation does to the leases that are held: gives one, moves it, ends it, hands it on.</summary>
internal sealed class LeaseUses
{
    private readonly LeaseTypes _leases;

    /// <summary>Where leases go that no path can dispose any more.</summary>
    private readonly HashSet<IOperation> _lost;

    /// <summary>Variables whose values the compiler keeps for a while: what is done to the copy is done to them.</summary>
    private readonly Dictionary<CaptureId, ILocalSymbol> _captured = [];

    /// <summary>Which call a boolean variable has the result of.</summary>
    private readonly Dictionary<ILocalSymbol, IInvocationOperation> _results = new(SymbolEqualityComparer.Default);

    internal LeaseUses(LeaseTypes leases, HashSet<IOperation> lost)
    {
        _leases = leases;
        _lost = lost;
    }

    /// <summary>Applies one operation without its parts, which have been applied.</summary>
    internal LeaseState Apply(IOperation operation, LeaseState state)
    {
        switch (operation)
        {
            case IFlowCaptureOperation capture when _leases.IsLease(capture.Value.Type):
                return Capture(capture, state);

            case ISimpleAssignmentOperation { Target: ILocalReferenceOperation flag } assignment
                when flag.Type?.SpecialType == SpecialType.System_Boolean && Strip(assignment.Value) is IInvocationOperation call:
                _results[flag.Local] = call;
                return state;

            case ISimpleAssignmentOperation assignment when _leases.IsLease(assignment.Type) && !assignment.IsRef:
                return Assign(assignment, state);

            case IInvocationOperation invocation:
                return Call(invocation, state);

            case IObjectCreationOperation creation:
                // Something that keeps the lease: it is that one's to dispose.
                return creation.Arguments.Aggregate(state, (held, argument) => HandOn(argument.Value, held));

            default:
                return state;
        }
    }

    /// <summary>What a variable holds goes to somebody else.</summary>
    internal LeaseState HandOn(IOperation value, LeaseState state) => HolderOf(value) is { } holder ? state.Without(holder) : state;

    /// <summary>The call whose result this is has failed, and given nothing.</summary>
    internal LeaseState WithoutWhatFailed(IOperation test, LeaseState state)
    {
        IInvocationOperation? call = Strip(test) as IInvocationOperation;
        if (test is ILocalReferenceOperation local)
        {
            _results.TryGetValue(local.Local, out call);
        }

        return call is null
            ? state
            : call.Arguments.Where(_leases.IsGiven).Aggregate(state, static (held, given) => held.WithoutLease(given));
    }

    private LeaseState Capture(IFlowCaptureOperation capture, LeaseState state)
    {
        if (Strip(capture.Value) is ILocalReferenceOperation local)
        {
            _captured[capture.Id] = local.Local;
            return state;
        }

        _captured.Remove(capture.Id);
        return Move(capture.Value, capture.Id, state);
    }

    private LeaseState Assign(ISimpleAssignmentOperation assignment, LeaseState state)
    {
        if (HolderOf(assignment.Target) is { } target)
        {
            return Move(assignment.Value, target, Overwrite(target, state));
        }

        if (assignment.Target is IDiscardOperation)
        {
            if (_leases.Creates(Strip(assignment.Value)))
            {
                _lost.Add(Strip(assignment.Value));
            }

            return state;
        }

        // A parameter that the caller sees, or a field of something that keeps it.
        return HandOn(assignment.Value, state);
    }

    /// <summary>What a value is or holds, a variable holds from here on.</summary>
    private LeaseState Move(IOperation value, object target, LeaseState state)
    {
        value = Strip(value);
        if (_leases.Creates(value))
        {
            return state.With(target, value);
        }

        if (HolderOf(value) is not { } source || HeldComparer.AreSame(source, target))
        {
            return state;
        }

        return state.Of(source).Aggregate(state.Without(source), (held, lease) => held.With(target, lease));
    }

    /// <summary>What a variable held is lost.</summary>
    private LeaseState Overwrite(object target, LeaseState state)
    {
        _lost.UnionWith(state.Of(target));
        return state.Without(target);
    }

    private LeaseState Call(IInvocationOperation invocation, LeaseState state)
    {
        if (_leases.IsDispose(invocation))
        {
            return invocation.Instance is { } ended ? HandOn(ended, state) : state;
        }

        foreach (IArgumentOperation argument in invocation.Arguments)
        {
            if (argument.Parameter is not { } parameter || !_leases.IsLease(parameter.Type))
            {
                continue;
            }

            state = parameter.RefKind switch
            {
                RefKind.Out => Give(argument, state),
                RefKind.Ref => HandOn(argument.Value, state),
                RefKind.None when Disposes(invocation.TargetMethod, parameter) => HandOn(argument.Value, state),
                _ => state,
            };
        }

        if (_leases.Creates(invocation) && IsDropped(invocation))
        {
            _lost.Add(invocation);
        }

        return state;
    }

    private LeaseState Give(IArgumentOperation argument, LeaseState state)
    {
        IOperation value = argument.Value is IDeclarationExpressionOperation declaration ? declaration.Expression : argument.Value;
        if (value is IDiscardOperation)
        {
            _lost.Add(argument);
            return state;
        }

        return HolderOf(value) is { } holder ? Overwrite(holder, state).With(holder, argument) : state;
    }

    /// <summary>Whether a lease is used where it is given and kept by nobody.</summary>
    private bool IsDropped(IInvocationOperation creation)
    {
        IOperation value = creation;
        while (value.Parent is IConversionOperation or IParenthesizedOperation)
        {
            value = value.Parent;
        }

        return value.Parent switch
        {
            null => false,
            IExpressionStatementOperation => true,
            IInvocationOperation receiver when receiver.Instance == value => !_leases.IsDispose(receiver),
            IPropertyReferenceOperation property => property.Instance == value,
            IArgumentOperation { Parent: IInvocationOperation call, Parameter: { } parameter } => !Disposes(call.TargetMethod, parameter),
            _ => false,
        };
    }

    /// <summary>Whether a method ends a lease that it is passed. One whose body is not at hand only looks at it, as is the rule for
    /// leases.</summary>
    private static bool Disposes(IMethodSymbol method, IParameterSymbol parameter)
    {
        if (parameter.RefKind != RefKind.None)
        {
            return false;
        }

        foreach (SyntaxReference reference in method.DeclaringSyntaxReferences)
        {
            foreach (SyntaxNode node in reference.GetSyntax().DescendantNodes())
            {
                ExpressionSyntax? used = node switch
                {
                    MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Dispose" } access => access.Expression,
                    UsingStatementSyntax statement => statement.Expression,
                    EqualsValueClauseSyntax
                    {
                        Parent.Parent.Parent: LocalDeclarationStatementSyntax { UsingKeyword.ValueText: "using" } or UsingStatementSyntax,
                    } initializer => initializer.Value,
                    ReturnStatementSyntax returned => returned.Expression,
                    _ => null,
                };
                if (used is IdentifierNameSyntax name && name.Identifier.ValueText == parameter.Name)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private object? HolderOf(IOperation value) => Strip(value) switch
    {
        ILocalReferenceOperation local => local.Local,
        IFlowCaptureReferenceOperation reference => _captured.TryGetValue(reference.Id, out ILocalSymbol? local) ? local : reference.Id,
        _ => null,
    };

    private static IOperation Strip(IOperation value)
    {
        while (value is IConversionOperation or IParenthesizedOperation)
        {
            value = value is IConversionOperation conversion ? conversion.Operand : ((IParenthesizedOperation)value).Operand;
        }

        return value;
    }
}
