namespace Paging.TestSeam;

/// <summary>Makes calls fail, for tests.</summary>
internal interface IFailures
{
    /// <summary>Called when the calling thread is about to make such a call. Throws if the call is to fail.</summary>
    void Reach(FailurePoint point);
}
