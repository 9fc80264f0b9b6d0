namespace Paging.Tests.Protocol;

/// <summary>An operation that a scenario looks at and does not await: an awaiting task would be completed by a thread that nobody
/// schedules.</summary>
#pragma warning disable CA2012 // It is kept to be looked at.
internal sealed class Pending(ValueTask operation)
{
    internal bool IsCompleted => operation.IsCompleted;

    internal bool IsCompletedSuccessfully => operation.IsCompletedSuccessfully;

    internal bool IsCanceled => operation.IsCanceled;
}

/// <summary>The same for a pin.</summary>
internal sealed class PendingPin(ValueTask<PageOwner<long>> operation)
{
    internal bool IsCompleted => operation.IsCompleted;

    internal bool IsPinned => operation.IsCompletedSuccessfully;

    /// <summary>What has been pinned, once.</summary>
    internal PageOwner<long> Owner
    {
        get
        {
            Assert.True(IsPinned);
            return operation.Result;
        }
    }

    internal Exception? Failure =>
        operation.IsCompleted && !IsPinned ? operation.AsTask().Exception ?? new OperationCanceledException() as Exception : null;
}
#pragma warning restore CA2012
