#if DEBUG
using Paging.Tests.Face;
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>An exception at every place where one can come from outside, one after the other: nothing is held, lost, leaked or counted twice,
/// everything reads as it was written, and closing ends.</summary>
[Collection(Alone.Name)]
public sealed class FailureTests(ITestOutputHelper output)
{
    private const int RunsBetweenCollections = 64;

    private static readonly Interleaver s_interleaver = new();
    private static readonly List<Run> s_wreckage = [];

    public static TheoryData<string> Names => [.. FailureScenarios.All.Select(static scenario => scenario.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_left_behind(string name)
    {
        FailureScenario scenario = FailureScenarios.Named(name);
        IReadOnlyList<FailurePoint> places = TryAlone(scenario, at: 0, static () => new InvalidOperationException()).Reached;
        Assert.NotEmpty(places);
        int failed = 0;
        for (int at = 1; at <= places.Count; at++)
        {
            // What is masked is so by one piece of code for each kind of wait: there both exceptions take turns.
            bool isMasked = Failures.Masks(places[at - 1]);
            if (!isMasked || (at & 1) == 0)
            {
                failed += TryAlone(scenario, at, static () => new InsufficientMemoryException("injected")).Thrown is null ? 0 : 1;
            }

            if (!isMasked || (at & 1) != 0)
            {
                failed += TryAlone(scenario, at, static () => new ThreadInterruptedException("injected")).Thrown is null ? 0 : 1;
            }

            if (at % RunsBetweenCollections == 0)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        // Which writer a thread gets depends on its number, and with it a place or two.
        Assert.InRange(failed, places.Count * 3 / 4, 2 * places.Count);
        output.WriteLine(
            $"{places.Count} places: " +
            $"{string.Join(", ", places.CountBy(static point => point).Select(static count => $"{count.Value} {count.Key}"))}");
    }

    /// <summary>On a thread of its own, which has no memory for codecs yet.</summary>
    private static Failures TryAlone(FailureScenario scenario, int at, Func<Exception> exception)
    {
        Failures? failures = null;
        Exception? failed = null;
        var thread = new Thread(() =>
        {
            try
            {
                failures = Try(scenario, at, exception);
            }
            catch (Exception e)
            {
                failed = e;
            }
        });
        thread.Start();
        thread.Join();
        return failed is null ? failures! : throw failed;
    }

    private static Failures Try(FailureScenario scenario, int at, Func<Exception> exception)
    {
        // The scheduler counts steps, and lets the only thread do as it likes.
        s_interleaver.Begin(1);
        if (!scenario.IsAlone)
        {
            Interleaver.End();
        }

        var run = new Run(s_interleaver, 1);
        var world = new World(run, scenario.Frames, scenario.PoolBytes);
        Action act = scenario.Arrange(world);
        var failures = new Failures(at, exception);
        try
        {
            Exception? thrown = failures.Run(act);
            bool interrupted = Figures.TakeInterrupt();
            if (failures.Thrown is not null)
            {
                Assert.Equal(failures.IsMasked && failures.Thrown is ThreadInterruptedException, interrupted);
                Assert.True(thrown is null || !failures.IsMasked, "a wait was cut short");
            }

            if (scenario.IsRepeated)
            {
                act();
            }

            if (world.Domain.IsClosed)
            {
                AssertGone(world);
            }
            else
            {
                world.AwaitWrites();
                world.CheckAndClose();
            }
        }
        catch (Exception e)
        {
            // Finalizers know nothing of pages left claimed.
            s_wreckage.Add(run);
            throw new InvalidOperationException(
                $"'{scenario}' with {failures.Thrown?.GetType().Name} at place {at}, {failures.Point}: {e.Message}" +
                $"\nThrown from {failures.Thrown?.StackTrace}",
                e);
        }
        finally
        {
            Interleaver.End();
        }

        return failures;
    }

    /// <summary>A pager that is disposed has nothing any more, and its file takes nothing.</summary>
    private static void AssertGone(World world)
    {
        Assert.True(world.Store.Rundown.IsClosed);
        Assert.False(world.Store.Files.IsAny);
        Assert.Equal(0, Internals.Holders(world.Domain) - world.Books.Count);
        world.Pager.Dispose();
        Assert.Equal(0, Internals.Holders(world.Domain) - world.Books.Count);
    }
}
#endif
