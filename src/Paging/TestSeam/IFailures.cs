namespace Paging.TestSeam;

/// <summary>Makes places fail.</summary>
internal interface IFailures
{
    /// <summary>The calling thread is at such a place; throws if it is to fail.</summary>
    void Reach(FailurePoint point);
}
