using Paging.Codecs;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Protocol;

namespace Paging.Tests.Codecs;

/// <summary>Contexts are shared: as many as work at the same time, never more than a bound, and given back.</summary>
[Collection(Alone.Name)]
public sealed class ContextPoolTests
{
    private const int Slots = 4;
    private const string ChildVariable = "PAGING_CONTEXTS_CHILD";
    private const string Result = "everything was given back";

    [Fact]
    public void One_after_another_needs_one()
    {
        var pool = new ContextPool<Context>(static () => new Context(), Slots);
        for (int i = 0; i < 100; i++)
        {
            int hint = 0;
            Assert.NotNull(pool.Take(ref hint));
            pool.GiveBack(hint);
        }

        Assert.Equal(1, pool.Count);
    }

    [Fact]
    public void Those_taken_at_the_same_time_are_different_ones_and_a_thread_gets_its_own_again()
    {
        var pool = new ContextPool<Context>(static () => new Context(), Slots);
        int[] hints = new int[Slots];
        var taken = new Context[Slots];
        for (int i = 0; i < Slots; i++)
        {
            taken[i] = pool.Take(ref hints[i])!;
        }

        Assert.Equal(Slots, taken.Distinct().Count());
        Array.ForEach(hints, pool.GiveBack);
        for (int i = 0; i < Slots; i++)
        {
            Assert.Same(taken[i], pool.Take(ref hints[i]));
            pool.GiveBack(hints[i]);
        }
    }

    [Fact]
    public void Any_number_of_threads_share_them_and_no_two_have_the_same()
    {
        var pool = new ContextPool<Context>(static () => new Context(), Slots);
        int shared = 0;
        Thread[] threads = [.. Enumerable.Range(0, 32).Select(_ => new Thread(() =>
        {
            int hint = 0;
            for (int i = 0; i < 2000; i++)
            {
                Context context = pool.Take(ref hint)!;
                shared += Interlocked.Increment(ref context.Users) == 1 ? 0 : 1;
                if (i % 50 == 0)
                {
                    Thread.Yield();
                }

                Interlocked.Decrement(ref context.Users);
                pool.GiveBack(hint);
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(0, shared);
        Assert.InRange(pool.Count, 1, Slots);
    }

    [Fact]
    public void Idle_ones_beyond_a_few_are_given_back_by_whoever_goes_on()
    {
        var made = new List<Context>();
        var pool = new ContextPool<Context>(() => Made(made), Slots);
        int[] hints = new int[Slots];
        for (int i = 0; i < Slots; i++)
        {
            pool.Take(ref hints[i]);
        }

        Array.ForEach(hints, pool.GiveBack);
        Assert.Equal(Slots, pool.Count);
        for (int i = 0; i < 3 * ContextPool<Context>.PagesBetweenLooks; i++)
        {
            pool.Take(ref hints[0]);
            pool.GiveBack(hints[0]);
        }

        Assert.Equal(ContextPool<Context>.Kept, pool.Count);
        Assert.Equal(Slots - ContextPool<Context>.Kept, made.Count(static context => context.IsDisposed));
        pool.Trim();
        Assert.All(made, static context => Assert.True(context.IsDisposed));
    }

    [Fact]
    public void Where_there_is_no_memory_for_one_nothing_stays_taken()
    {
        bool refuses = true;
        var pool = new ContextPool<Context>(() => refuses ? throw new InsufficientMemoryException() : new Context(), slots: 1);
        int hint = 0;
        Assert.Throws<InsufficientMemoryException>(() => pool.Take(ref hint));
        refuses = false;
        Assert.NotNull(pool.Take(ref hint));
    }

    /// <summary>In a process of its own, where no pager of another test is alive.</summary>
    [Fact]
    public async Task Five_hundred_threads_cost_no_more_than_a_few_and_the_last_pager_takes_all_along()
    {
        (int exitCode, string output) = await OwnProcess.Run(typeof(ContextPoolTests), (ChildVariable, "1"));
        Assert.True(exitCode == 0 && output.Contains(Result, StringComparison.Ordinal), output);
    }

    /// <summary>Threads that come, store and load a few pages, and go; with the strongest codec behind filters.</summary>
    [Fact(Explicit = true)]
    public void Child()
    {
        const int PageBytes = 16 << 10;
        Assert.SkipWhen(Environment.GetEnvironmentVariable(ChildVariable) is null, "The child of another test.");
        Assert.Equal(0, CodecContexts.Users);
        Assert.True(ZstdCodec.Reserve.Exists && CodecScratch.Reserve.Exists);
        CodecContexts.AddUser();
        CodecContexts.RemoveUser();
        long before = CodecMemory.OutstandingBytes;
        using (var pager = new Pager(new PagerOptions
        {
            PageBytes = PageBytes,
            ResidentBytes = 64 * PageBytes,
            PoolBytes = 16 << 20,
            BackgroundThreads = 0,
            Compression = CompressionGoal.Ratio,
        }))
        {
            PagedArray<int> array = pager.Allocate<int>(512 * PageBytes / sizeof(int));
            var rng = new Rng(1);
            for (long i = 0; i < array.Length; i++)
            {
                array[i] = (int)((i * 97) + (rng.Next(31)));
            }

            const int Threads = 500;
            using var all = new Barrier(25);
            for (int first = 0; first < Threads; first += all.ParticipantCount)
            {
                Thread[] threads = [.. Enumerable.Range(first, all.ParticipantCount).Select(number => new Thread(() =>
                {
                    for (int i = 0; i < 10; i++)
                    {
                        array[((number * 7919L) + (i * 104_729L)) * 1023 % array.Length]++;
                    }

                    // All of them have what they have at the same time.
                    all.SignalAndWait();
                }))];
                Array.ForEach(threads, static thread => thread.Start());
                Array.ForEach(threads, static thread => thread.Join());
            }

            Assert.InRange(CodecContexts.Encoders.Count, 1, CodecContexts.Max);
            Assert.InRange(CodecContexts.Decoders.Count, 1, CodecContexts.Max);
            Assert.InRange(CodecContexts.Scratch.Count, 1, CodecContexts.Max);

            // 200 KiB of scratch, 94 of a decoder, 280 of an encoder for such pages.
            long scratch = pager.GetStatistics().ScratchBytes;
            Assert.InRange(scratch - before, 1, (long)CodecContexts.Max * (600 << 10));
        }

        Assert.Equal(before, CodecMemory.OutstandingBytes);
        Console.Out.WriteLine(Result);
    }

    private static Context Made(List<Context> made)
    {
        made.Add(new Context());
        return made[^1];
    }

    private sealed class Context : IDisposable
    {
        internal int Users;

        internal bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
