using System.Runtime.CompilerServices;
using Paging.Stress.Driver;
using Paging.Tests.Codecs;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>Once warmed up, nothing that is done to a page allocates on the managed heap: hits, faults, evictions, stores.</summary>
[Collection(Alone.Name)]
public class ManagedAllocationTests : IDisposable
{
    private const int PageBytes = 4 << 10;
    private const int PageLength = PageBytes / sizeof(long);
    private const int Pages = 512;
    private const int Operations = 20_000;

    private readonly Pager _pager = new(new PagerOptions
    {
        ResidentBytes = 32 * PageBytes,
        PoolBytes = 8 << 20,
        PageBytes = PageBytes,
        BackgroundThreads = 0,
    });

    private readonly PagedArray<long> _array;
    private readonly long[] _page = new long[PageLength];
    private readonly byte[] _bytes = new byte[PageBytes];
    private long _sum;

    public ManagedAllocationTests()
    {
        _array = _pager.Allocate<long>(Pages * PageLength);
        for (long start = 0; start < _array.Length; start += PageLength)
        {
            Content.Write<long>((ContentKind)(start / PageLength % 4), (ulong)start, _page);
            _array.CopyFrom(start, _page);
        }
    }

    [Fact]
    public void Hits_by_value_allocate_nothing() => AllocatesNothing(i =>
    {
        _array[i % 8 * PageLength] = i;
        _sum += _array[i % 8 * PageLength + 1];
    });

    [Fact]
    public void Faults_and_evictions_of_clean_pages_allocate_nothing() =>
        AllocatesNothing(i => _sum += _array[(long)i * 37 % Pages * PageLength], evicts: true);

    [Fact]
    public void Faults_and_evictions_of_dirty_pages_allocate_nothing() =>
        AllocatesNothing(i => _array[(long)i * 37 % Pages * PageLength] = i, evicts: true);

    [Fact]
    public void Copies_fills_and_discards_allocate_nothing() => AllocatesNothing(
        i =>
        {
            long start = (long)i * 37 % Pages * PageLength;
            _array.CopyTo(start, _page);
            _array.CopyFrom((start + 5 * PageLength) % _array.Length, _page);
            _array.Fill((start + 11 * PageLength) % _array.Length, 10, i);
            _array.Fill((start + 13 * PageLength) % _array.Length, PageLength, i);
            _array.Discard((start + 17 * PageLength) % _array.Length, i % 2 == 0 ? PageLength : 10);
        },
        evicts: true);

    [Fact]
    public void Stores_loads_and_frees_by_id_allocate_nothing() => AllocatesNothing(i =>
    {
        _bytes[i % PageBytes] += 7;
        SwapId id = _pager.Swap.Store(_bytes);
        _pager.Swap.AddReference(id);
        _sum += _pager.Swap.Load(id, _bytes) + _pager.Swap.GetLength(id);
        _pager.Swap.Free(id);
        if (_pager.Swap.TryLoad(id, _bytes, out int written))
            _sum += written;
        _pager.Swap.Free(id);
    });

    [Fact]
    public void Statistics_allocate_nothing() => AllocatesNothing(_ => _sum += _pager.GetStatistics().Faults);

    [Fact]
    public void Pages_that_are_not_there_and_are_asked_for_allocate_nothing() => AllocatesNothing(
        i =>
        {
            // Whether it is there depends on how far the threads of the pool have come. A lease of a debug build is written into a ledger.
            if (_array.TryRead((long)i * 37 % Pages * PageLength, out ReadLease<long> lease))
                _sum += Ended(in lease);
        });

    [Fact]
    public void A_prefetch_of_what_is_there_allocates_nothing() => AllocatesNothing(i =>
    {
        _sum += _array[0] + _array[PageLength];
        _sum += Ahead.Prefetch(_array, 0, PageLength + 1).IsCompletedSuccessfully ? 0 : 1;
    });

    [Fact]
    public void Reads_and_writes_of_a_stream_allocate_nothing()
    {
        using Stream stream = _array.AsStream(writable: true);
        AllocatesNothing(
            i =>
            {
                stream.Position = ((long)i * 37 % (Pages - 1) * PageBytes) + 3;
                _sum += stream.Read(_bytes) + stream.ReadByte();
                _sum += stream.ReadAsync(_bytes, 0, 100, CancellationToken.None).Result;
                stream.Seek(-200, SeekOrigin.Current);
                stream.Write(_bytes, 0, 10);
                stream.WriteByte(5);
            },
            evicts: true);
    }

#if !DEBUG
    // Debug builds keep a ledger of leases.
    [Fact]
    public void Leases_allocate_nothing() => AllocatesNothing(
        i =>
        {
            long start = (long)i * 37 % Pages * PageLength;
            using ReadLease<long> read = _array.Read(start);
            using WriteLease<long> write = _array.Write((start + 9 * PageLength + 3) % _array.Length, 2);
            write.Span[0] = _sum += read.Span[7];
        },
        evicts: true);
#endif

    public void Dispose()
    {
        _pager.Dispose();
        GC.SuppressFinalize(this);
    }

    private static int Ended(in ReadLease<long> lease)
    {
        int length = lease.Span.Length;
        lease.Dispose();
        return length;
    }

    /// <remarks>Compiled with optimization from the start: a loop that the runtime replaces while it runs is compiled on this thread, and what the
    /// compiler makes of managed objects for that would count.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AllocatesNothing(Action<int> operation, bool evicts = false)
    {
        // As long as what is measured, so that what is rarely reached has been compiled, too: a method with a literal, say, may be the one for
        // which the runtime makes a new table of them, on this thread.
        for (int i = 0; i < Operations; i++)
            operation(i);
        long evictions = _pager.GetStatistics().Evictions;
        int next = 0;
        Assert.Equal(0, Allocations.Least(() => operation(next++ % Operations), Operations));
        if (evicts)
            Assert.True(_pager.GetStatistics().Evictions > evictions + Operations / 5, "Hardly anything was evicted.");
    }
}
