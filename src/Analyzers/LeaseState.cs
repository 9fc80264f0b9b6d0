using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Paging.Analyzers;

/// <summary>Which leases may be held at a point, and by which variables: a variable is a local, or what the compiler keeps a value
/// in.</summary>
internal readonly struct LeaseState
{
    private readonly ImmutableHashSet<(object Holder, IOperation Lease)> _held;

    private LeaseState(ImmutableHashSet<(object, IOperation)> held) => _held = held;

    internal static LeaseState None { get; } = new(ImmutableHashSet.Create<(object, IOperation)>(HeldComparer.Instance));

    internal bool IsNone => _held.IsEmpty;

    /// <summary>All leases that may be held.</summary>
    internal ImmutableArray<IOperation> Leases => [.. _held.Select(static pair => pair.Lease)];

    /// <summary>The leases that a variable may hold.</summary>
    internal ImmutableArray<IOperation> Of(object holder) =>
        [.. _held.Where(pair => HeldComparer.AreSame(pair.Holder, holder)).Select(static pair => pair.Lease)];

    internal LeaseState With(object holder, IOperation lease) => new(_held.Add((holder, lease)));

    /// <summary>The variable holds nothing.</summary>
    internal LeaseState Without(object holder) => new(_held.Except(_held.Where(pair => HeldComparer.AreSame(pair.Holder, holder))));

    /// <summary>Nobody holds the lease.</summary>
    internal LeaseState WithoutLease(IOperation lease) => new(_held.Except(_held.Where(pair => pair.Lease == lease)));

    internal LeaseState Union(LeaseState other) => new(_held.Union(other._held));

    internal LeaseState Intersect(LeaseState other) => new(_held.Intersect(other._held));

    /// <summary>Whether all that another may hold is among what this may hold.</summary>
    internal bool Includes(LeaseState other) => _held.IsSupersetOf(other._held);
}
