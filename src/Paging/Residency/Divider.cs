using System.Numerics;
using System.Runtime.CompilerServices;

namespace Paging.Residency;

/// <summary>Division by a constant known at run time: a shift for powers of two, else a multiplication by the reciprocal.</summary>
/// <remarks>Exact: with M = ⌊2⁶⁴/d⌋ + 1 the high half of n·M is ⌊n/d⌋ as long as n·d &lt; 2⁶⁴ (Granlund and Montgomery, "Division by
/// invariant integers using multiplication"). Arrays hold at most 2⁴⁵ bytes of pages: n·(bytes of an item) ≤ 2⁴⁵ and
/// d·(bytes of an item) ≤ 2²², so n·d ≤ 2⁶⁷/(bytes of an item)², and items of odd sizes take three bytes or more: n·d &lt; 2⁶⁴. Who puts
/// fewer items into a page than fit checks that for itself.</remarks>
internal readonly struct Divider
{
    private readonly ulong _reciprocal;
    private readonly int _divisor;
    private readonly int _mask;
    private readonly int _shift;

    internal Divider(int divisor)
    {
        _divisor = divisor;
        _mask = divisor - 1;
        _shift = BitOperations.Log2((uint)divisor);
        _reciprocal = BitOperations.IsPow2(divisor) ? 0 : (ulong.MaxValue / (uint)divisor) + 1;
    }

    /// <summary>For divisors that the caller knows to be powers of two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal (long Quotient, int Remainder) DivideByShift(long n) => (n >>> _shift, (int)n & _mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal (long Quotient, int Remainder) Divide(long n)
    {
        if (_reciprocal == 0)
        {
            return DivideByShift(n);
        }

        long quotient = (long)Math.BigMul((ulong)n, _reciprocal, out _);
        return (quotient, (int)(n - (quotient * _divisor)));
    }
}
