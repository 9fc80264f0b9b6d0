using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;
using Paging.Tests.Face;

namespace Paging.Tests.Model;

internal enum SwapAct
{
    Store,
    Load,
    TryLoad,
    GetLength,
    AddReference,
    Free,
    /// <summary>Every operation on an id that has been freed.</summary>
    UseFreed,
    LoadTooShort,
}

internal readonly record struct SwapOp(SwapAct Act, int Which, int Length, ContentKind Kind, int Salt)
{
    public IEnumerable<SwapOp> Simpler()
    {
        SwapOp self = this;
        IEnumerable<SwapOp> simpler = Seeded.Shrink(Length - 1).Select(length => self with { Length = length + 1 })
            .Concat(Seeded.Shrink(Which).Select(which => self with { Which = which }));
        return Kind == ContentKind.Zeros ? simpler : simpler.Append(self with { Kind = Kind - 1 });
    }
}

internal sealed record SwapScript(long PoolBytes, int BackgroundThreads, SwapOp[] Ops)
{
    public override string ToString() => $"pool {PoolBytes}, {BackgroundThreads} background threads{Environment.NewLine}"
        + string.Concat(Ops.Select(op => $"  {op}{Environment.NewLine}"));

    public static Gen<SwapScript> Generate(long poolBytes, int backgroundThreads, Gen<int> lengths, int stores, int least = 50)
    {
        Gen<SwapAct> acts = Gen.Frequency(
            (stores, Gen.Constant(SwapAct.Store)),
            (8, Gen.Elements(SwapAct.Load, SwapAct.TryLoad, SwapAct.GetLength, SwapAct.UseFreed, SwapAct.LoadTooShort)),
            (2, Gen.Constant(SwapAct.AddReference)),
            (4, Gen.Constant(SwapAct.Free)));
        Gen<SwapOp> op =
            from act in acts
            from which in Gen.Choose(0, 1 << 20)
            from length in lengths
            from kind in Gen.Elements(
                ContentKind.Zeros, ContentKind.Constant, ContentKind.Text, ContentKind.Text, ContentKind.Noise, ContentKind.Noise)
            from salt in Gen.Choose(0, int.MaxValue)
            select new SwapOp(act, which, length, kind, salt);
        return Gen.Sized(size => Gen.ArrayOf(op, least + 4 * size)).Select(ops => new SwapScript(poolBytes, backgroundThreads, ops));
    }

    public static IEnumerable<SwapScript> Shrink(SwapScript script) =>
        Seeded.Shrink(script.Ops, op => op.Simpler()).Select(ops => script with { Ops = ops });
}

/// <summary>What is stored by id stays what it was until its last reference is freed, and then the id names nothing for ever.</summary>
public class SwapSpaceProperties
{
    private static readonly Gen<int> s_pages =
        Gen.OneOf(Gen.Choose(1, 64), Gen.Choose(1, 4 << 10), Gen.Constant(4 << 10), Gen.Choose(4 << 10, 64 << 10), Gen.Constant(64 << 10));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Stored_pages_of_all_sizes_read_as_they_were_stored(int backgroundThreads) =>
        Seeded.Check(15, SwapScript.Generate(64 << 20, backgroundThreads, s_pages, stores: 5), SwapScript.Shrink, Execute);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_full_pool_refuses_stores_and_keeps_what_it_has(int backgroundThreads) =>
        Seeded.Check(
            10, SwapScript.Generate(2 << 20, backgroundThreads, Gen.Choose(4 << 10, 16 << 10), stores: 25, least: 400), SwapScript.Shrink, Execute);

    [Fact]
    public void Pages_of_up_to_4_MiB_read_as_they_were_stored() => Seeded.Check(
        3,
        SwapScript.Generate(256L << 20, 1, Gen.OneOf(Gen.Choose(1, 4 << 20), Gen.Constant(4 << 20), Gen.Choose(1, 64 << 10)), stores: 4),
        SwapScript.Shrink,
        Execute);

    private static void Execute(SwapScript script) => SwapRun.Execute(script);
}

/// <summary>The pages that the model says are stored, by id, and the ids that are freed.</summary>
internal sealed class SwapRun(Pager pager)
{
    private readonly List<(SwapId Id, byte[] Bytes, int References)> _live = [];
    private readonly List<SwapId> _freed = [default];
    private readonly byte[] _buffer = new byte[4 << 20];
    private readonly long _storage = pager.Options.PoolBytes + pager.Options.SwapFiles.Sum(file => file.Bytes);
    private long _held;

    /// <returns>What the pager had counted before it was emptied.</returns>
    public static PagerStatistics Execute(SwapScript script, params SwapFileOptions[] files)
    {
        using var pager = new Pager(new PagerOptions
        {
            ResidentBytes = 1 << 20,
            PoolBytes = script.PoolBytes,
            BackgroundThreads = script.BackgroundThreads,
            SwapFiles = files,
        });
        var run = new SwapRun(pager);
        foreach (SwapOp op in script.Ops)
            run.Apply(op);
        PagerStatistics counted = pager.GetStatistics();
        run.FreeAll();
        Settled.Empty(pager);
        return counted;
    }

    public void Apply(SwapOp op)
    {
        if (op.Act == SwapAct.Store)
        {
            Store(op);
            return;
        }

        if (op.Act == SwapAct.UseFreed || _live.Count == 0)
        {
            RefusesFreed(_freed[op.Which % _freed.Count]);
            return;
        }

        int i = op.Which % _live.Count;
        (SwapId id, byte[] bytes, int references) = _live[i];
        switch (op.Act)
        {
            case SwapAct.Load:
                Assert.Equal(bytes.Length, pager.Swap.Load(id, _buffer));
                Same(bytes);
                break;
            case SwapAct.TryLoad:
                Span<byte> exact = _buffer.AsSpan(0, bytes.Length);
                Assert.True(pager.Swap.TryLoad(id, exact, out int written));
                Assert.Equal(bytes.Length, written);
                Same(bytes);
                break;
            case SwapAct.GetLength:
                Assert.Equal(bytes.Length, pager.Swap.GetLength(id));
                break;
            case SwapAct.LoadTooShort:
                Assert.ThrowsAny<ArgumentException>(() => pager.Swap.Load(id, _buffer.AsSpan(0, bytes.Length - 1)));
                break;
            case SwapAct.AddReference:
                pager.Swap.AddReference(id);
                _live[i] = (id, bytes, references + 1);
                break;
            default:
                Free(i);
                break;
        }
    }

    public void FreeAll()
    {
        while (_live.Count > 0)
        {
            (SwapId id, byte[] bytes, _) = _live[^1];
            Assert.Equal(bytes.Length, pager.Swap.Load(id, _buffer));
            Same(bytes);
            Free(_live.Count - 1);
        }

        _freed.ForEach(RefusesFreed);
    }

    private static long Cost(byte[] bytes) => Content.IsSameFilled(bytes) ? 0 : bytes.Length + 64;

    private void Store(SwapOp op)
    {
        var bytes = new byte[op.Length];
        Content.Write<byte>(op.Kind, (ulong)op.Salt, bytes);
        SwapId id;
        try
        {
            id = pager.Swap.Store(bytes);
        }
        catch (OutOfPagingSpaceException e)
        {
            Assert.True(_held + Cost(bytes) >= _storage / 2, $"Refused, with {_held} bytes held: {e.Message}");
            Assert.True(e.Statistics.PoolBytes > 0);
            return;
        }

        Assert.NotEqual(default, id);
        Assert.DoesNotContain(_live, page => page.Id == id);
        Assert.DoesNotContain(id, _freed);
        _live.Add((id, bytes, 1));
        _held += Cost(bytes);
    }

    private void Free(int i)
    {
        (SwapId id, byte[] bytes, int references) = _live[i];
        pager.Swap.Free(id);
        if (references > 1)
        {
            _live[i] = (id, bytes, references - 1);
            return;
        }

        _live.RemoveAt(i);
        _freed.Add(id);
        _held -= Cost(bytes);
        RefusesFreed(id);
    }

    private void RefusesFreed(SwapId id) => Expect.NoPage(pager, id, _buffer);

    private void Same(byte[] expected)
    {
        int i = Content.FirstDifference<byte>(expected, _buffer.AsSpan(0, expected.Length));
        if (i >= 0)
            Assert.Fail($"Byte {i} of {expected.Length} is {_buffer[i]:x2}, not {expected[i]:x2}");
    }
}
