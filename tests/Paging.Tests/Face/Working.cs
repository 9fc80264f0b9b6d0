using System.Globalization;
using Paging.Stress.Driver;

namespace Paging.Tests.Face;

/// <summary>A pager with an array several times its frames, and a stored page: what must be whole after anything that is refused.</summary>
internal sealed class Working : IDisposable
{
    public const int PageBytes = 4 << 10;
    public const int Frames = 16;

    private const int Length = 4 * Frames * PageBytes / sizeof(int);

    private readonly byte[] _stored = new byte[3000];
    private readonly SwapId _id;
    private int _generation = 1;

    public Working(int backgroundThreads = 0, long poolBytes = 4 << 20)
    {
        Pager = new Pager(new PagerOptions
        {
            ResidentBytes = Frames * PageBytes,
            PoolBytes = poolBytes,
            PageBytes = PageBytes,
            BackgroundThreads = backgroundThreads,
        });
        Array = Pager.Allocate<int>(Length, new PagedArrayOptions { Name = "working" });
        Write();
        Content.Write<byte>(ContentKind.Text, 5, _stored);
        _id = Pager.Swap.Store(_stored);
    }

    public Pager Pager { get; }

    public PagedArray<int> Array { get; }

    /// <summary>Asserts that everything reads as it was written, and then writes it anew.</summary>
    public void IsWhole() => IsWholeBut(pins: 0);

    /// <summary>The same while leases are out.</summary>
    public void IsWholeBut(int pins)
    {
        for (long start = 0; start < Length; start += Array.PageLength)
        {
            using ReadLease<int> lease = Array.Read(start);
            for (int i = 0; i < lease.Span.Length; i++)
            {
                if (lease.Span[i] != Value(start + i))
                    Assert.Fail($"Element {start + i} is {lease.Span[i]}, not {Value(start + i)}.");
            }
        }

        var stored = new byte[_stored.Length];
        Assert.Equal(stored.Length, Pager.Swap.Load(_id, stored));
        Assert.Equal(_stored, stored);
        Assert.Equal(pins, Pager.GetStatistics().Pins);
        _generation++;
        Write();
    }

    public void Dispose() => Pager.Dispose();

    private void Write()
    {
        var page = new int[Array.PageLength];
        for (long start = 0; start < Length; start += page.Length)
        {
            for (int i = 0; i < page.Length; i++)
                page[i] = Value(start + i);
            Array.CopyFrom(start, page);
        }
    }

    private int Value(long index) => (int)index * 7 + _generation;
}

/// <summary>Assertions that several tests share.</summary>
internal static class Expect
{
    /// <summary>The message holds the figure, with or without separators of thousands.</summary>
    public static void Figure(long figure, string message) => Assert.Contains(
        figure.ToString(CultureInfo.InvariantCulture), message.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);

    public static void OutOfRange(Action action) => Assert.Throws<ArgumentOutOfRangeException>(action);

    /// <summary>The id names nothing, whatever is asked of it.</summary>
    public static void NoPage(Pager pager, SwapId id, byte[] buffer)
    {
        Assert.Throws<KeyNotFoundException>(() => pager.Swap.Load(id, buffer));
        Assert.False(pager.Swap.TryLoad(id, buffer, out int written));
        Assert.Equal(0, written);
        Assert.Throws<KeyNotFoundException>(() => pager.Swap.GetLength(id));
        Assert.Throws<KeyNotFoundException>(() => pager.Swap.AddReference(id));
        Assert.Throws<KeyNotFoundException>(() => pager.Swap.Free(id));
    }

    /// <summary>A refusal with counters and figures.</summary>
    public static void Figures(OutOfPagingSpaceException e, Pager pager)
    {
        Assert.InRange(e.Statistics.ResidentBytes, 0, pager.Options.ResidentBytes);
        Assert.InRange(e.Statistics.PoolBytes, 0, pager.Options.PoolBytes);
        Assert.NotEqual(0, e.Statistics.ResidentBytes + e.Statistics.PoolBytes);
        Assert.Matches("[0-9]", e.Message);
    }
}
