using Paging.Stress.Driver;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;

namespace Paging.Tests.Files;

/// <summary>A pager of sixteen frames and a pool of 1 MiB, and an array several times as large: most of its pages are in swap files, if the
/// pager has any. Each page is made from its number and a generation, so that all can be checked without being kept.</summary>
internal sealed class Held : IDisposable
{
    public const int PageBytes = 4 << 10;
    public const int Frames = 16;
    public const long PoolBytes = 1 << 20;
    public const long FileBytes = 8 << 20;

    private const int PageLength = PageBytes / sizeof(long);

    private readonly ulong[] _salts;
    private readonly HashSet<long> _lost = [];
    private readonly long[] _seen = new long[PageLength];
    private readonly long[] _expected = new long[PageLength];
    private ulong _generation;

    public Held(int pages, int backgroundThreads = 0, params SwapFileOptions[] files)
        : this(pages, new Pager(Options(backgroundThreads, files)))
    {
    }

    /// <summary>One array of several that share a pager.</summary>
    public Held(int pages, Pager pager)
    {
        Pager = pager;
        _salts = new ulong[pages];
        Array = Pager.Allocate<long>((long)pages * PageLength, new PagedArrayOptions { Name = "held" });
    }

    public Pager Pager { get; }

    public PagedArray<long> Array { get; }

    public int Pages => _salts.Length;

    /// <summary>Pages that threw and have not been written since.</summary>
    public IReadOnlySet<long> Lost => _lost;

    public PagerStatistics Statistics => Pager.GetStatistics();

    public SwapStore Store => Internals.Domain(Pager).Swap;

    public static PagerOptions Options(int backgroundThreads = 0, params SwapFileOptions[] files) => new()
    {
        ResidentBytes = Frames * PageBytes,
        PoolBytes = PoolBytes,
        PageBytes = PageBytes,
        BackgroundThreads = backgroundThreads,
        SwapFiles = files,
    };

    /// <summary>What most tests use: anywhere on the file system of temporary files.</summary>
    public static SwapFileOptions File(long bytes = FileBytes, int priority = 0, bool encrypt = false) =>
        new() { Path = Path.GetTempPath(), Bytes = bytes, Priority = priority, Encrypt = encrypt };

    public SwapFile AddDevice(SwapDevice device, int priority = 0) => Internals.AddDevice(Internals.Domain(Pager), device, priority);

    /// <summary>Writes every page anew.</summary>
    public Held Fill()
    {
        for (long page = 0; page < Pages; page++)
            Write(page);
        return this;
    }

    /// <summary>Evicts every page.</summary>
    public Held PageOut()
    {
        Internals.PageOutAll(Internals.Domain(Pager));
        return this;
    }

    /// <summary>Writes pages anew; those that are refused stay what they were.</summary>
    /// <returns>How many were refused.</returns>
    public int FillWhereThereIsRoom()
    {
        int refused = 0;
        for (long page = 0; page < Pages; page++)
        {
            try
            {
                Write(page);
            }
            catch (OutOfPagingSpaceException)
            {
                refused++;
            }
        }

        return refused;
    }

    /// <summary>Overwrites a page as a whole, so that it is never loaded.</summary>
    /// <exception cref="OutOfPagingSpaceException">The page is what it was.</exception>
    public void Write(long page)
    {
        ulong salt = (++_generation << 24) + (ulong)page;
        Make(page, salt);
        Array.CopyFrom(page * PageLength, _expected);
        _salts[page] = salt;
        _lost.Remove(page);
    }

    /// <summary>Changes a part of a page, which loads the page.</summary>
    public void Change(long page)
    {
        ulong salt = (++_generation << 24) + (ulong)page;
        Make(page, salt);
        using (WriteLease<long> lease = Array.Write(page * PageLength))
            _expected.CopyTo(lease.Span);
        _salts[page] = salt;
        _lost.Remove(page);
    }

    /// <summary>Random operations, each verified. What is refused is as before, and then some pages go.</summary>
    /// <param name="rng">Of all chance.</param>
    /// <param name="operations">How many.</param>
    /// <param name="mayLose">Whether pages may be lost, so that it is enough that none reads wrong.</param>
    /// <param name="stop">Ends it early.</param>
    public void Work(Rng rng, int operations, bool mayLose = false, CancellationToken stop = default)
    {
        for (int i = 0; i < operations && !stop.IsCancellationRequested; i++)
        {
            long page = rng.Next((long)Pages);
            try
            {
                switch (rng.Next(10))
                {
                    case < 3:
                        Write(page);
                        break;
                    case 3:
                        Change(page);
                        break;
                    case 4 when rng.Chance(20):
                        Discard(page);
                        break;
                    default:
                        Verify(page);
                        break;
                }
            }
            catch (PageCorruptedException e) when (mayLose)
            {
                // What the cleaner has read wrong is wrong in memory from then on.
                AssertNames(e, page, inFile: false);
            }
            catch (OutOfPagingSpaceException e)
            {
                Assert.NotEqual(default, e.Statistics);
                for (int j = 0; j < 8; j++)
                    Discard(rng.Next((long)Pages));
            }
        }
    }

    /// <summary>Threads that each work on an array of their own, while their pages share frames, segments and files.</summary>
    public static void WorkTogether(
        IReadOnlyList<Held> parts, ulong seed, int operations, bool mayLose = false, Action? meanwhile = null, CancellationToken stop = default)
    {
        var seeds = new Rng(seed);
        Task[] tasks = [.. parts.Select(part =>
        {
            var rng = new Rng(seeds.Next());
            return Task.Factory.StartNew(
                () => part.Work(rng, operations, mayLose, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        })];
        try
        {
            meanwhile?.Invoke();
        }
        finally
        {
            Task.WaitAll(tasks, CancellationToken.None);
        }
    }

    /// <summary>Writes pages from a first one on until one is refused, and returns that refusal.</summary>
    public OutOfPagingSpaceException FillUntilRefused(long first = 0)
    {
        for (long page = first; page < Pages; page++)
        {
            try
            {
                Write(page);
            }
            catch (OutOfPagingSpaceException e)
            {
                return e;
            }
        }

        throw new InvalidOperationException("All pages were taken.");
    }

    public void Discard(long page)
    {
        Array.Discard(page * PageLength, PageLength);
        _salts[page] = 0;
        _lost.Remove(page);
    }

    /// <summary>Fails unless the page holds what was written last, or throws.</summary>
    public void Verify(long page)
    {
        Make(page, _salts[page]);
        Array.CopyTo(page * PageLength, _seen);
        int i = Content.FirstDifference<long>(_expected, _seen);
        if (i >= 0)
            Assert.Fail($"Page {page}: element {i} is {_seen[i]:x}, not {_expected[i]:x}.");
    }

    public void VerifyAll()
    {
        for (long page = 0; page < Pages; page++)
            Verify(page);
    }

    /// <summary>Verifies all pages, accepting that some cannot be had, which the message, name and index of the exception say.</summary>
    /// <param name="inFile">Whether it was in a file that they were spoilt, or found to be, so that the message says so.</param>
    /// <returns>How many.</returns>
    public int VerifyAllButLost(bool inFile = true)
    {
        for (long page = 0; page < Pages; page++)
        {
            if (TryVerify(page) is { } exception)
                AssertNames(exception, page, inFile);
        }

        return _lost.Count;
    }

    public PageCorruptedException? TryVerify(long page)
    {
        try
        {
            Verify(page);
            _lost.Remove(page);
            return null;
        }
        catch (PageCorruptedException e)
        {
            _lost.Add(page);
            return e;
        }
    }

    public static void AssertNames(PageCorruptedException exception, long page, bool inFile = true)
    {
        Assert.Equal(("held", page), (exception.ArrayName, exception.PageIndex));
        if (inFile)
            Assert.Contains("swap file", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>What every pager keeps to at all times.</summary>
    public void AssertWithinBudgets()
    {
        PagerStatistics now = Statistics;
        Assert.InRange(now.ResidentBytes, 0, Pager.Options.ResidentBytes);
        Assert.InRange(now.PoolBytes, 0, Pager.Options.PoolBytes);
        Assert.InRange(now.FileBytes, 0, Store.Files.Sizes().Bytes);
        Assert.InRange(now.FilePages, 0, now.FileBytes / 64);
        Assert.Equal(0, now.Pins);
    }

    /// <summary>Waits for what is being written. On devices that hold nothing back.</summary>
    public void AwaitWrites()
    {
        while (Store.Writeback.InFlight != 0)
            Thread.Yield();
    }

    public void Dispose() => Pager.Dispose();

    private void Make(long page, ulong salt)
    {
        if (salt == 0)
            System.Array.Clear(_expected);
        else
            Content.Write<long>(page % 4 == 0 ? ContentKind.Text : ContentKind.Noise, salt, _expected);
    }
}
