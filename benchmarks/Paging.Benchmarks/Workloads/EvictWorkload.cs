using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using K4os.Compression.LZ4;

namespace Paging.Benchmarks.Workloads;

/// <summary>Eviction of dirty pages against K4os alone encoding them.</summary>
/// <remarks>Whole pages are overwritten, which loads nothing: an operation of ours is a copy into a frame, the encoding of the dirty
/// page that was there, its checksum, and freeing the stored copy that the overwriting made stale. The limit copies the same page
/// into a frame and encodes the page that was there, which left the cache as long ago as ours did, round robin into as much
/// memory as our pool takes; it notes where, and has room for the worst case, which spares the codec its bounds checks.</remarks>
internal static class EvictWorkload
{
    private const double BoundRatio = 1.15;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.Compressible, options.DataBytes);
                if (pages is not null)
                {
                    Compare(group.Name, pages, options, harness, report);
                }
            }
        }

        CleanEvictions.Run(options, harness, report);
    }

    private static void Compare(string name, PageSet pages, Options options, Harness harness, Report report)
    {
        long resident = options.ResidentFor(pages.TotalBytes, pages.PageBytes);
        int[] order = Orders.Permutation(pages.Count, options.Seed);
        using OverwritingSide ours = new(pages, resident, order);
        _ = ours.Run(); // fills the pool, so that its size is known
        using EncodingSide limit = new(pages, resident, order, ours.PoolBytes);

        Series[] series = harness.Measure(allThreads: false, ours, limit);

        ours.Verify();
        limit.Verify();
        report.Add(Row.Ratio(
            "evict", name, pages.PageBytes, series[0], series[1], Bound.AtMost(BoundRatio), $"dirty, {ours.Note}, {pages.Note}"));
    }

    private sealed class OverwritingSide : ISide, IDisposable
    {
        private readonly PageSet _pages;
        private readonly int[] _order;
        private readonly Pager _pager;
        private readonly PagedArray<long> _array;
        private double _evictedShare;

        public OverwritingSide(PageSet pages, long residentBytes, int[] order)
        {
            _pages = pages;
            _order = order;
            _pager = new Pager(new PagerOptions
            {
                ResidentBytes = residentBytes,
                PoolBytes = PagedPages.PoolBytesFor(pages),
                PageBytes = pages.PageBytes,
                BackgroundThreads = 0,
            });
            _array = _pager.Allocate<long>(pages.TotalBytes / sizeof(long), Plain.Options);
        }

        public long PoolBytes => _pager.GetStatistics().PoolBytes;

        public string Note => $"evictions {100 * _evictedShare:0.0}%";

        public Outcome Run()
        {
            long before = DirtyEvictions();
            for (int i = 0; i < _order.Length; i += Orders.Slice)
            {
                Overwrite(Orders.SliceAt(_order, i));
            }

            long evicted = DirtyEvictions() - before;
            _evictedShare = evicted / (double)_order.Length;
            return new Outcome(evicted, 0);
        }

        public void Verify()
        {
            byte[] read = new byte[_pages.PageBytes];
            for (int i = 0; i < _pages.Count; i++)
            {
                _array.CopyTo((long)i * _array.PageLength, MemoryMarshal.Cast<byte, long>(read.AsSpan()));
                _pages.Verify(i, read, "the array");
            }
        }

        public void Dispose()
        {
            _array.Dispose();
            _pager.Dispose();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Overwrite(ReadOnlySpan<int> order)
        {
            long pageLength = _array.PageLength;
            foreach (int page in order)
            {
                _array.CopyFrom(page * pageLength, _pages.Longs(page));
            }
        }

        private long DirtyEvictions()
        {
            PagerStatistics statistics = _pager.GetStatistics();
            return statistics.Evictions - statistics.CleanEvictions;
        }
    }

    private sealed unsafe class EncodingSide : ISide, IDisposable
    {
        private const int Alignment = 16;

        private readonly PageSet _pages;
        private readonly int[] _order;
        private readonly NativeBuffer _frames;
        private readonly NativeBuffer _store;
        private readonly int[] _owners;
        private readonly (long Offset, int Length)[] _entries;
        private readonly int _longest;
        private Ring _ring;
        private long _end;

        public EncodingSide(PageSet pages, long residentBytes, int[] order, long storeBytes)
        {
            _pages = pages;
            _order = order;
            _owners = new int[residentBytes / pages.PageBytes];
            _frames = new NativeBuffer(residentBytes);
            _longest = LZ4Codec.MaximumOutputSize(pages.PageBytes);
            _store = new NativeBuffer(Math.Max(storeBytes, pages.EncodedBytes + ((long)Alignment * pages.Count)) + _longest);
            _entries = new (long, int)[pages.Count];
            _ring = new Ring(0, _owners.Length);
            for (int i = 0; i < _owners.Length; i++)
            {
                _owners[i] = order[order.Length - _owners.Length + i]; // as if a pass had just ended
                pages.Bytes(_owners[i]).CopyTo(_frames.Span<byte>((long)i * pages.PageBytes, pages.PageBytes));
            }
        }

        public Outcome Run()
        {
            for (int i = 0; i < _order.Length; i += Orders.Slice)
            {
                Encode(Orders.SliceAt(_order, i));
            }

            return new Outcome(_order.Length, 0);
        }

        /// <summary>The store has room for more than a pass, so the last pass can be read back.</summary>
        public void Verify()
        {
            byte[] read = new byte[_pages.PageBytes];
            for (int i = 0; i < _pages.Count; i++)
            {
                (long offset, int length) = _entries[i];
                _ = LZ4Codec.Decode(_store.Span<byte>(offset, length), read);
                _pages.Verify(i, read, "the limit");
            }
        }

        public void Dispose()
        {
            _frames.Dispose();
            _store.Dispose();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Encode(ReadOnlySpan<int> order)
        {
            int pageBytes = _pages.PageBytes;
            foreach (int page in order)
            {
                int index = _ring.Take();
                byte* frame = _frames.Pointer + ((long)index * pageBytes);
                if (_end + _longest > _store.Length)
                {
                    _end = 0;
                }

                int length = LZ4Codec.Encode(frame, pageBytes, _store.Pointer + _end, _longest);
                _entries[_owners[index]] = (_end, length);
                _end = (_end + length + Alignment - 1) / Alignment * Alignment;
                Buffer.MemoryCopy(_pages.Pointer(page), frame, pageBytes, pageBytes);
                _owners[index] = page;
            }
        }
    }
}
