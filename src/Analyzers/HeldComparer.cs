using System.Collections.Generic;
using Microsoft.CodeAnalysis;

namespace Paging.Analyzers;

/// <summary>Symbols are compared as such, and not by identity.</summary>
internal sealed class HeldComparer : IEqualityComparer<(object Holder, IOperation Lease)>
{
    internal static HeldComparer Instance { get; } = new();

    public bool Equals((object Holder, IOperation Lease) x, (object Holder, IOperation Lease) y) =>
        x.Lease == y.Lease && AreSame(x.Holder, y.Holder);

    public int GetHashCode((object Holder, IOperation Lease) obj) => obj.Lease.GetHashCode();

    internal static bool AreSame(object one, object other) =>
        one is ISymbol symbol ? SymbolEqualityComparer.Default.Equals(symbol, other as ISymbol) : one.Equals(other);
}
