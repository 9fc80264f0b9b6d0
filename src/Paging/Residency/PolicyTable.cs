using Paging.Codecs;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The compression policies of a pager's arrays, by the number that a frame's record holds. Number 0 is the pager's own.</summary>
/// <remarks>A number is looked up by a thread that has claimed a page of the array, and given back once no page of the array can be claimed
/// any more.</remarks>
internal sealed class PolicyTable(CompressionPolicy ofPager)
{
    private const int InitialLength = 16;

    /// <summary>Guards changes. Nothing is waited for under it.</summary>
    private readonly Gate _gate = new();
    private readonly Stack<int> _free = new(InitialLength);
    private CompressionPolicy?[] _policies = Initial(ofPager);
    private int _end = 1;

    internal CompressionPolicy this[int number]
    {
        get
        {
            TestHook.Reach(SharedWord.Counter);
            TestHook.MayFail(FailurePoint.Policy);
            return Volatile.Read(ref _policies)[number]!;
        }
    }

    internal int Add(CompressionPolicy policy)
    {
        using Gate.Scope held = _gate.Enter();
        if (!_free.TryPop(out int number))
        {
            number = _end;
            if (number == _policies.Length)
            {
                TestHook.MayFail(FailurePoint.Allocation);
                CompressionPolicy?[] longer = new CompressionPolicy?[2 * number];
                _policies.CopyTo(longer, 0);

                // Here rather than when a number is given back: closing an array must need no memory.
                _free.EnsureCapacity(longer.Length);
                Volatile.Write(ref _policies, longer);
            }

            _end = number + 1;
        }

        _policies[number] = policy;
        return number;
    }

    internal void Remove(int number)
    {
        using Gate.Scope held = _gate.Enter();
        _policies[number] = null;
        _free.Push(number);
    }

    private static CompressionPolicy?[] Initial(CompressionPolicy ofPager)
    {
        CompressionPolicy?[] policies = new CompressionPolicy?[InitialLength];
        policies[0] = ofPager;
        return policies;
    }
}
