using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Paging.Analyzers;

/// <summary>Follows leases through one body: from what gives them, to what ends them or hands them on.</summary>
/// <remarks>
/// What may be held is followed forwards through the graph until nothing changes. A lease that may be held where the body ends, or whose
/// variable is overwritten, has a path on which it is not disposed. One that may be held where an exception leaves the body is not disposed
/// on that path. The graph has `using` as what it is: a try with Dispose in its finally.
/// </remarks>
internal sealed class LeaseFlow
{
    private readonly ControlFlowGraph _graph;
    private readonly LeaseTypes _leases;
    private readonly LeaseUses _uses;
    private readonly CancellationToken _cancellation;

    /// <summary>What may be held where a block begins; null where it has not been reached.</summary>
    private readonly LeaseState?[] _atBlock;
    private readonly Queue<int> _work = new();

    /// <summary>How many finallies are being run through. What they throw themselves is not followed: with a `using` inside another that
    /// would be twice the work for each one.</summary>
    private int _finallies;

    internal LeaseFlow(ControlFlowGraph graph, LeaseTypes leases, CancellationToken cancellation)
    {
        _graph = graph;
        _leases = leases;
        _cancellation = cancellation;
        _uses = new LeaseUses(leases, NotDisposed);
        _atBlock = new LeaseState?[graph.Blocks.Length];
    }

    /// <summary>What gives leases that some path does not dispose.</summary>
    internal HashSet<IOperation> NotDisposed { get; } = [];

    /// <summary>What gives leases that are not disposed when an exception is thrown.</summary>
    internal HashSet<IOperation> NotOnException { get; } = [];

    internal void Run()
    {
        Enter(0, LeaseState.None);
        while (_work.Count != 0)
        {
            _cancellation.ThrowIfCancellationRequested();
            int ordinal = _work.Dequeue();
            Visit(_graph.Blocks[ordinal], _atBlock[ordinal]!.Value, Enter);
        }

        if (_atBlock[_graph.Blocks.Length - 1] is { } atEnd)
        {
            NotDisposed.UnionWith(atEnd.Leases);
        }
    }

    private delegate void Entering(int block, LeaseState state);

    private void Enter(int block, LeaseState state)
    {
        if (_atBlock[block] is not { } before || !before.Includes(state))
        {
            _atBlock[block] = _atBlock[block] is { } known ? known.Union(state) : state;
            _work.Enqueue(block);
        }
    }

    private void Visit(BasicBlock block, LeaseState state, Entering enter)
    {
        foreach (IOperation operation in block.Operations)
        {
            state = Apply(operation, state, block, enter);
        }

        if (block.BranchValue is { } value)
        {
            state = Apply(value, state, block, enter);
        }

        if (block.FallThroughSuccessor is { } falls)
        {
            LeaseState next = falls.Semantics == ControlFlowBranchSemantics.Return && block.BranchValue is { } returned
                ? _uses.HandOn(returned, state)
                : state;
            Follow(falls, AfterTest(block, next, isTrue: block.ConditionKind == ControlFlowConditionKind.WhenFalse), enter);
        }

        if (block.ConditionalSuccessor is { } jumps)
        {
            Follow(jumps, AfterTest(block, state, isTrue: block.ConditionKind == ControlFlowConditionKind.WhenTrue), enter);
        }
    }

    /// <summary>Applies an operation, whose parts come before it.</summary>
    private LeaseState Apply(IOperation operation, LeaseState state, BasicBlock block, Entering enter)
    {
        foreach (IOperation part in operation.DescendantsAndSelf().Reverse().OrderBy(static part => part.Syntax.Span.End))
        {
            LeaseState after = _uses.Apply(part, state);
            if (MayThrow(part) && !state.IsNone)
            {
                // Then it has given nothing. What was handed to it is its own to dispose, whatever it does.
                Throw(block.EnclosingRegion, state.Intersect(after), enter);
            }

            state = after;
        }

        return state;
    }

    /// <summary>A test that says whether the lease was given: on the other path there is none.</summary>
    private LeaseState AfterTest(BasicBlock block, LeaseState state, bool isTrue)
    {
        if (block.ConditionKind == ControlFlowConditionKind.None || block.BranchValue is not { } test)
        {
            return state;
        }

        while (test is IUnaryOperation { OperatorKind: UnaryOperatorKind.Not } not)
        {
            (test, isTrue) = (not.Operand, !isTrue);
        }

        return isTrue ? state : _uses.WithoutWhatFailed(test, state);
    }

    private void Follow(ControlFlowBranch branch, LeaseState state, Entering enter)
    {
        if (branch.Semantics is ControlFlowBranchSemantics.Throw or ControlFlowBranchSemantics.Rethrow)
        {
            Throw(branch.Source.EnclosingRegion, state, enter);
            return;
        }

        foreach (ControlFlowRegion region in branch.FinallyRegions)
        {
            state = RunThrough(region, state);
        }

        if (branch.Destination is { } next)
        {
            enter(next.Ordinal, state);
        }
    }

    /// <summary>What may be held behind a finally.</summary>
    private LeaseState RunThrough(ControlFlowRegion region, LeaseState state)
    {
        _finallies++;
        var at = new Dictionary<int, LeaseState> { [region.FirstBlockOrdinal] = state };
        var work = new Queue<int>();
        work.Enqueue(region.FirstBlockOrdinal);
        LeaseState behind = LeaseState.None;
        while (work.Count != 0)
        {
            BasicBlock block = _graph.Blocks[work.Dequeue()];
            if (block.FallThroughSuccessor is { Semantics: ControlFlowBranchSemantics.StructuredExceptionHandling })
            {
                LeaseState end = at[block.Ordinal];
                foreach (IOperation operation in block.Operations)
                {
                    end = Apply(operation, end, block, EnterHere);
                }

                behind = behind.Union(end);
            }

            Visit(block, at[block.Ordinal], EnterHere);
        }

        _finallies--;
        return behind;

        void EnterHere(int ordinal, LeaseState next)
        {
            if (ordinal < region.FirstBlockOrdinal || ordinal > region.LastBlockOrdinal)
            {
                Enter(ordinal, next);
            }
            else if (!at.TryGetValue(ordinal, out LeaseState before) || !before.Includes(next))
            {
                at[ordinal] = at.TryGetValue(ordinal, out LeaseState known) ? known.Union(next) : next;
                work.Enqueue(ordinal);
            }
        }
    }

    /// <summary>An exception leaves the regions from here outwards: through what each finally does, into what catches it, and out of the
    /// body.</summary>
    private void Throw(ControlFlowRegion? region, LeaseState state, Entering enter)
    {
        if (_finallies != 0)
        {
            return;
        }

        // Behind the root of a lambda's graph stands the region of the method's that the lambda is in.
        for (; region is { Kind: not ControlFlowRegionKind.Root } && !state.IsNone; region = region.EnclosingRegion)
        {
            if (region.Kind != ControlFlowRegionKind.Try || region.EnclosingRegion is not { } whole)
            {
                continue;
            }

            if (whole.Kind == ControlFlowRegionKind.TryAndFinally)
            {
                state = RunThrough(whole.NestedRegions[1], state);
                continue;
            }

            foreach (ControlFlowRegion handler in whole.NestedRegions.Skip(1))
            {
                enter(handler.FirstBlockOrdinal, state);
            }

            if (whole.NestedRegions.Any(CatchesAll))
            {
                return;
            }
        }

        NotOnException.UnionWith(state.Leases);
    }

    private static bool CatchesAll(ControlFlowRegion region) => region.Kind == ControlFlowRegionKind.Catch
        && (region.ExceptionType is null || region.ExceptionType.SpecialType == SpecialType.System_Object
            || region.ExceptionType.ToDisplayString() == "System.Exception");

    /// <summary>Whether something other than a lease is called. What comes of looking at a span is the program's error.</summary>
    private bool MayThrow(IOperation operation) => operation switch
    {
        IInvocationOperation invocation => !_leases.IsDispose(invocation),
        IObjectCreationOperation or IAwaitOperation or IDynamicInvocationOperation => true,
        _ => false,
    };
}
