#if DEBUG
using Paging.Tests.Files;
using Paging.Tests.Protocol;
using Paging.TestSeam;

namespace Paging.Tests.Face;

/// <summary>A system that gives no thread: one exception says so, nothing is left behind, and all works once there is one.</summary>
[Collection(Alone.Name)]
public sealed class ThreadLimitTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(3, false)]
    [InlineData(2, true)]
    public void A_constructor_says_that_there_is_no_thread(int background, bool encrypt)
    {
        PagerOptions options = Held.Options(background, Held.File(encrypt: encrypt));

        // The first pager of a process has assemblies loaded, whose files stay open.
        new Pager(options).Dispose();
        int refused = EachStart(() => new Pager(options));
        Assert.InRange(refused, background + 1, int.MaxValue);
        using var held = new Held(64, background, Held.File(encrypt: encrypt));
        held.Fill();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Adding_and_removing_a_file_say_so_and_change_nothing(bool encrypt)
    {
        using var held = new Held(1000);
        held.FillWhereThereIsRoom();

        if (encrypt)
        {
            // The engine that the first file makes stays with the pager.
            await held.Pager.RemoveSwapFileAsync(held.Pager.AddSwapFile(Held.File()), TestContext.Current.CancellationToken);
        }

        SwapFile? file = null;
        int refused = EachStart(() =>
        {
            file = held.Pager.AddSwapFile(Held.File(encrypt: encrypt));
            return null;
        });
        Assert.InRange(refused, 1, int.MaxValue);
        Assert.Equal(1, held.Store.Files.Sizes().Files);
        held.Fill();
        Exception thrown = await Assert.ThrowsAsync<InsufficientMemoryException>(() =>
        {
            TestHook.Failures = new Refusal(1);
            try
            {
                return held.Pager.RemoveSwapFileAsync(file!, TestContext.Current.CancellationToken).AsTask();
            }
            finally
            {
                TestHook.Failures = null;
            }
        });
        AssertSays(thrown);
        held.Fill();
        Assert.Equal(1, held.Store.Files.Sizes().Files);
        held.Array.Discard(0, held.Array.Length);
        await held.Pager.RemoveSwapFileAsync(file!, TestContext.Current.CancellationToken);
        Assert.Equal(0, held.Store.Files.Sizes().Files);
    }

    /// <summary>Refuses the first start of a thread, then the second, and so on until none is refused any more.</summary>
    /// <returns>How many were refused, with the exception that says so.</returns>
    private static int EachStart(Func<IDisposable?> action)
    {
        int refused = 0;
        for (int at = 1; ; at++)
        {
            int threads = Figures.Threads(), descriptors = Figures.Descriptors();
            var refusal = new Refusal(at);
            TestHook.Failures = refusal;
            try
            {
                using IDisposable? made = action();
            }
            catch (InsufficientMemoryException e)
            {
                refused++;
                AssertSays(e);
                Figures.AssertAtMost(threads, Figures.Threads);
                Figures.AssertAtMost(descriptors, Figures.Descriptors);
            }
            finally
            {
                TestHook.Failures = null;
            }

            if (refused < at)
            {
                // So many were not asked for, or fewer did as well.
                return refused;
            }
        }
    }

    private static void AssertSays(Exception e)
    {
        Assert.Contains("thread", e.Message, StringComparison.Ordinal);
        Assert.Contains("pids.max", e.Message, StringComparison.Ordinal);
        Assert.Contains("ulimit -u", e.Message, StringComparison.Ordinal);
    }

    private sealed class Refusal(int at) : IFailures
    {
        public int Starts { get; private set; }

        public void Reach(FailurePoint point)
        {
            if (point == FailurePoint.ThreadStart && ++Starts == at)
                throw new InsufficientMemoryException("injected");
        }
    }
}
#endif
