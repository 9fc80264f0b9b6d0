using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Memory;
using Paging.Residency;
using Paging.Swap;

namespace Paging.Benchmarks.Workloads;

/// <summary>Eviction of clean pages: the same faults into frames that hold clean pages, less the same faults into free frames.</summary>
/// <remarks>Nothing public evicts a clean page and does nothing else, so it is a difference between two sides that are both ours. Each
/// side first evicts all pages and reads others, until the frames are full; the free side then evicts those, too. The policy gives
/// frames of its window in the order of their addresses, which the processor's caches and prefetchers like; so the free side evicts
/// from the highest address down, for a stack of free frames to give them in the same order. But it takes its frames from all memory,
/// and the other side from the window only, which is in the caches: so the difference says what both cost together (the table says how
/// often the next frame was a higher one: where the two sides differ, so do their frames, and the difference says little). The statistics
/// prove what happened in the timed part: as many faults in both, no eviction in one, a clean one for each fault in the other. The pages
/// are a line of 64 bytes repeated, which is no same-filled page but decodes at the speed of a copy, or the difference would drown in the
/// spread of the decoding.</remarks>
internal static class CleanEvictions
{
    private const double BoundNanoseconds = 150;
    private const long ResidentBytes = 16L << 20;
    private const int LineBytes = 64;
    private const int RoundFactor = 15; // many short rounds: most of them escape whatever else the machine does
    private const double RoundSeconds = 0.005;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            using Stage stage = new(pageBytes, options.Seed);
            Probe evicting = new(stage, free: false);
            Probe free = new(stage, free: true);

            Series[] series = new Harness(harness.Rounds * RoundFactor, RoundSeconds).Measure(allThreads: false, evicting, free);

            string frames = $"{evicting.Ascending()} and {free.Ascending()}";
            report.Add(Row.Difference(
                "evict", "lines repeated", pageBytes, series[0], series[1], Bound.AtMost(BoundNanoseconds, "ns"),
                $"clean, evictions a fault {evicting.EvictionsPerFault:0.000} and {free.EvictionsPerFault:0.000}, " +
                $"of these dirty {evicting.DirtyEvictions + free.DirtyEvictions}, frames ascending {frames}"));
        }
    }

    private sealed class Probe(Stage stage, bool free) : ISide
    {
        private long _faults;
        private long _evictions;

        public double EvictionsPerFault => _evictions / (double)Math.Max(1, _faults);

        public long DirtyEvictions { get; private set; }

        public void Prepare() => stage.Prepare(free);

        /// <summary>One more pass, looked at rather than timed.</summary>
        public string Ascending()
        {
            Prepare();
            _ = Run();
            return stage.AscendingShare();
        }

        public Outcome Run()
        {
            PagerStatistics before = stage.Statistics;
            long sum = stage.ReadProbed();
            PagerStatistics after = stage.Statistics;
            long faults = after.Faults - before.Faults;
            long evictions = after.Evictions - before.Evictions;
            _faults += faults;
            _evictions += evictions;
            DirtyEvictions += evictions - (after.CleanEvictions - before.CleanEvictions);
            return new Outcome(faults, sum);
        }
    }

    private sealed class Stage : IDisposable
    {
        private readonly Pager _pager;
        private readonly PagedArray<long> _data;
        private readonly int[] _probed;
        private readonly int[] _others;

        public Stage(int pageBytes, int seed)
        {
            int frames = (int)(ResidentBytes / pageBytes);
            _pager = new Pager(new PagerOptions
            {
                ResidentBytes = ResidentBytes,
                PoolBytes = 8 * ResidentBytes,
                PageBytes = pageBytes,
                BackgroundThreads = 0,
            });
            int[] order = Orders.Permutation(4 * frames, seed);
            _probed = order[..(frames / 2)];
            _others = order[frames..];
            _data = _pager.Allocate<long>((long)order.Length * pageBytes / sizeof(long), Plain.Options);
            Random random = new(seed);
            long[] page = new long[_data.PageLength];
            foreach (int i in order)
            {
                Span<long> line = page.AsSpan(0, LineBytes / sizeof(long));
                random.NextBytes(MemoryMarshal.AsBytes(line));
                for (int at = line.Length; at < page.Length; at += line.Length)
                {
                    line.CopyTo(page.AsSpan(at));
                }

                _data.CopyFrom((long)i * page.Length, page);
            }
        }

        public PagerStatistics Statistics => _pager.GetStatistics();

        public void Prepare(bool free)
        {
            // Reading others would not do: pages that are probed again and again stay, as they should.
            PageOutAll();
            _ = Read(_others);
            if (free)
            {
                PageOutAll();
            }
        }

        public long ReadProbed()
        {
            long sum = 0;
            for (int i = 0; i < _probed.Length; i += Orders.Slice)
            {
                sum += Read(Orders.SliceAt(_probed, i));
            }

            return sum;
        }

        /// <summary>Of the probed pages, in the order of their faults, those in a higher frame than the one before.</summary>
        public string AscendingShare()
        {
            int ascending = 0;
            nint last = 0;
            foreach (int page in _probed)
            {
                using ReadLease<long> lease = _data.Read((long)page * _data.PageLength);
                ascending += Address(lease.Span) > last ? 1 : 0;
                last = Address(lease.Span);
            }

            return $"{100.0 * ascending / _probed.Length:0}%";
        }

        public void Dispose()
        {
            _data.Dispose();
            _pager.Dispose();
        }

        private unsafe void PageOutAll()
        {
            PagingDomain domain = DomainOf(_pager);
            foreach (FrameClass? size in domain.Frames.Classes)
            {
                // From the highest one down, for the stack of free frames to give them in the order of their addresses.
                for (long frame = (size?.End ?? 0) - 1; frame >= (size?.FirstFrame ?? 0); frame--)
                {
                    if (domain.Evictor.Evict(size!, frame, StoreLevel.Normal, spare: false) == EvictOutcome.Freed)
                    {
                        size!.GiveBack(frame);
                    }
                }
            }
        }

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_domain")]
        private static extern ref PagingDomain DomainOf(Pager pager);

        private static unsafe nint Address(ReadOnlySpan<long> span) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));

        [MethodImpl(MethodImplOptions.NoInlining)]
        private long Read(ReadOnlySpan<int> order)
        {
            long pageLength = _data.PageLength;
            long sum = 0;
            foreach (int page in order)
            {
                using ReadLease<long> lease = _data.Read(page * pageLength);
                sum += lease.Span[0];
            }

            return sum;
        }
    }
}
