#if DEBUG
using System.Threading.Tasks.Sources;
using Paging.TestSeam;
using Paging.Tests.Protocol;
using Paging.Threading;

namespace Paging.Tests.Threading;

/// <summary>What follows a wait runs where the thread pool has no thread for it, too: see <see cref="PoolContinuation"/>.</summary>
[Collection(Alone.Name)]
public sealed class PoolContinuationTests
{
    [Fact]
    public async Task It_runs_on_the_thread_pool_once()
    {
        var ran = new TaskCompletionSource<bool>();
        int times = 0;
        var continuation = new PoolContinuation(
            _ =>
            {
                times++;
                ran.SetResult(Thread.CurrentThread.IsThreadPoolThread);
            },
            null);
        continuation.Queue();
        Assert.True(await ran.Task);
        continuation.Execute();
        Assert.Equal(1, times);
    }

    [Fact]
    public void Where_the_pool_starts_no_thread_it_runs_at_once_and_once()
    {
        int times = 0;
        var continuation = new PoolContinuation(state => times += (int)state!, 1);
        WithoutThreads(continuation.Queue);
        Assert.Equal(1, times);
        continuation.Execute();
        Assert.Equal(1, times);
    }

    [Fact]
    public async Task A_task_that_is_awaited_is_complete_then()
    {
        var source = new Source();
        Task<int> task = new ValueTask<int>(source, 0).AsTask();
        Assert.False(task.IsCompleted);
        WithoutThreads(() => source.Core.SetResult(5));
        Assert.True(task.IsCompletedSuccessfully);
        Assert.Equal(5, await task);
    }

    [Fact]
    public async Task One_that_fails_is_too()
    {
        var source = new Source();
        Task<int> task = new ValueTask<int>(source, 0).AsTask();
        WithoutThreads(() => source.Core.SetException(new TimeoutException()));
        Assert.True(task.IsFaulted);
        await Assert.ThrowsAsync<TimeoutException>(() => task);
    }

    [Fact]
    public async Task A_pool_that_has_refused_is_believed_when_it_has_done_something()
    {
        // The pool is well: what is queued behind the refusal shows it.
        WithoutThreads(() => Assert.False(PoolQueue.TryQueue(new PoolContinuation(static _ => { }, null))));
        var ran = new TaskCompletionSource();
        ThreadPool.UnsafeQueueUserWorkItem(static ran => ran.SetResult(), ran, preferLocal: false);
        await ran.Task;
        while (!PoolQueue.TryQueue(new PoolContinuation(static _ => { }, null)))
            await Task.Yield();
    }

    [Fact]
    public async Task What_is_complete_before_it_is_awaited_needs_no_thread()
    {
        var source = new Source();
        source.Core.SetResult(3);
        Assert.Equal(3, await new ValueTask<int>(source, 0));
    }

    [Fact]
    public async Task Contexts_and_schedulers_of_the_caller_are_kept()
    {
        var context = new CountingContext();
        var source = new Source();
        var ended = new TaskCompletionSource<SynchronizationContext?>();
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        Await();
        SynchronizationContext.SetSynchronizationContext(before);
        source.Core.SetResult(1);
        Assert.Same(context, await ended.Task);
        Assert.Equal(1, context.Posts);

        async void Await()
        {
            await new ValueTask<int>(source, 0);
            ended.SetResult(SynchronizationContext.Current);
        }
    }

    private static void WithoutThreads(Action action)
    {
        TestHook.Failures = new NoThreads();
        try
        {
            action();
        }
        finally
        {
            TestHook.Failures = null;
        }
    }

    private sealed class NoThreads : IFailures
    {
        public void Reach(FailurePoint point)
        {
            if (point == FailurePoint.ThreadStart)
                throw new InsufficientMemoryException();
        }
    }

    private sealed class Source : IValueTaskSource<int>
    {
        public PoolTaskSource<int> Core = new();

        public int GetResult(short token) => Core.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => Core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            Core.OnCompleted(continuation, state, token, flags);
    }

    private sealed class CountingContext : SynchronizationContext
    {
        public int Posts { get; private set; }

        public override void Post(SendOrPostCallback d, object? state)
        {
            Posts++;
            ThreadPool.QueueUserWorkItem(_ =>
            {
                SetSynchronizationContext(this);
                d(state);
            });
        }
    }
}
#endif
