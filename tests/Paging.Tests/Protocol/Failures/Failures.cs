#if DEBUG
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>Counts the places where an exception can come from outside, and throws at one of them.</summary>
/// <param name="at">The first of which place to fail, counted from 1; 0 for none.</param>
/// <param name="exception">What to throw there.</param>
internal sealed class Failures(int at, Func<Exception> exception) : IFailures
{
    private readonly List<FailurePoint> _reached = [];

    /// <summary>The places in their order.</summary>
    internal IReadOnlyList<FailurePoint> Reached => _reached;

    /// <summary>What was thrown; null if the place was not reached.</summary>
    internal Exception? Thrown { get; private set; }

    /// <summary>Where it was thrown.</summary>
    internal FailurePoint Point { get; private set; }

    /// <summary>Whether the library promises that nothing comes of it.</summary>
    internal bool IsMasked => Masks(Point);

    internal static bool Masks(FailurePoint point) => point is FailurePoint.Lock or FailurePoint.Sleep or FailurePoint.Join;

    public void Reach(FailurePoint point)
    {
        _reached.Add(point);
        if (_reached.Count == at)
        {
            Point = point;
            Thrown = exception();
            throw Thrown;
        }
    }

    /// <summary>Runs an action with these failures on the calling thread.</summary>
    /// <returns>What the action threw because of them.</returns>
    internal Exception? Run(Action action)
    {
        TestHook.Failures = this;
        try
        {
            action();
            return null;
        }
        catch (Exception e) when (IsConsequence(e))
        {
            return e;
        }
        finally
        {
            TestHook.Failures = null;
        }
    }

    private bool IsConsequence(Exception e)
    {
        for (Exception? cause = e; cause is not null; cause = cause.InnerException)
        {
            if (ReferenceEquals(cause, Thrown))
            {
                return true;
            }
        }

        // Cryptography that lacks memory is a device that fails.
        return Thrown is not null && Point == FailurePoint.Cipher && e is PageCorruptedException;
    }
}
#endif
