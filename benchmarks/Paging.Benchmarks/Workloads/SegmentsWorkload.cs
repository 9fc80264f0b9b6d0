using System.Runtime.CompilerServices;
using Paging.Swap;
using Store = Paging.Swap.SwapStore;

namespace Paging.Benchmarks.Workloads;

/// <summary>Finding the coldest and the deadest segment of a pool of a million, and the coldest with redundant pages, against a pool of
/// 256.</summary>
/// <remarks>The segments are real and lent memory, which nobody touches: their entries are counted in and out, and hold nothing. Each
/// operation changes what it has found, so that the next one finds another: the coldest segment goes to the end of the order; a page dies
/// in the deadest, where pages come back to life once a quarter of it is dead.</remarks>
internal static class SegmentsWorkload
{
    private const int Few = 256;
    private const int Many = 1_000_000;
    private const int PageBytes = 16 << 10;
    private const int Operations = 4096;

    /// <summary>To find one: the same, but for noise.</summary>
    private const double FindBound = 1.25;

    /// <summary>To change it as well: a heap is 20 deep instead of 8, and a million records of 64 bytes are in no cache.</summary>
    private const double ChangeBound = 4;

    public static void Run(Options options, Harness harness, Report report)
    {
        using LogSide few = new(Few, options.Seed);
        using LogSide many = new(Many, options.Seed);
        Compare("coldest", FindBound, static log => log.FindColdest());
        Compare("coldest, and to the end", ChangeBound, static log => log.PassOver());
        Compare("coldest to drop from", ChangeBound, static log => log.TakeRedundant());
        Compare("deadest", FindBound, static log => log.FindDeadest());
        Compare("deadest, and a page dies", ChangeBound, static log => log.LetDie());

        void Compare(string name, double bound, Func<LogSide, bool> step)
        {
            Series[] series = harness.Measure(allThreads: false, new StepSide(many, step), new StepSide(few, step));
            report.Add(Row.Ratio("segments", name, PageBytes, series[0], series[1], Bound.AtMost(bound), $"{Many:N0} segments against {Few}"));
        }
    }

    private sealed class StepSide(LogSide log, Func<LogSide, bool> step) : ISide
    {
        public Outcome Run()
        {
            long found = 0;
            for (int i = 0; i < Operations; i += Orders.Slice)
            {
                found += Slice();
            }

            return new Outcome(found, found);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private long Slice()
        {
            long found = 0;
            for (int i = 0; i < Orders.Slice; i++)
            {
                found += step(log) ? 1 : 0;
            }

            return found;
        }
    }

    private sealed unsafe class LogSide : IDisposable
    {
        private readonly Store _store;
        private readonly SegmentLog _log;
        private readonly EntrySize _page;
        private readonly int _pages;

        public LogSide(int count, int seed)
        {
            long poolBytes = (count + 64L) * (LogGeometry.For(1L << 40, PageBytes).SegmentBytes + Segment.Size);
            _store = new Store(poolBytes, PageBytes, writers: 1, new Threading.Counters(1), coldAfter: TimeSpan.FromSeconds(-1));
            _log = _store.Segments.Logs[0]!;
            _page = EntrySize.Stored(EntryHeader.UnitsFor(PageBytes / 2), PageBytes / 2, PageBytes, isRaw: false);
            _pages = _log.SegmentBytes / _page.Bytes;
            Random random = new(seed);
            for (int i = 0; i < count && _log.TryTake(StoreLevel.Normal, isStore: true) is >= 0 and int number; i++)
            {
                Segment* segment = _store.Segments[number];
                for (int page = 0; page < _pages; page++)
                {
                    segment->Used += _page.Bytes;
                    Accounts.Credit(segment, _page);
                    _store.Segments.Accounts.Stored(_page);
                }

                _log.Seal(number);
                _log.Sealed.NoteRedundant(segment->Chunk);
                Kill(number, random.Next(_pages / 8));
            }
        }

        public bool FindColdest() => _log.Sealed.FindColdest() >= 0;

        public bool PassOver()
        {
            Segment* segment = _store.Segments[_log.Sealed.FindColdest()];
            segment->SealedAt = _store.Segments.NextSeal();
            _log.Sealed.Refresh(segment->Chunk);
            return true;
        }

        public bool TakeRedundant()
        {
            Segment* segment = _store.Segments[_log.Sealed.TakeRedundant(out int chunk)];
            segment->SealedAt = _store.Segments.NextSeal();
            _log.Sealed.Refresh(chunk);
            _log.Sealed.NoteRedundant(chunk);
            return true;
        }

        public bool FindDeadest() => _log.Sealed.FindDeadest(_log.SegmentBytes >> DeadShare.Shift) >= 0;

        public bool LetDie()
        {
            int number = _log.Sealed.FindDeadest(_log.SegmentBytes >> DeadShare.Shift);
            Kill(number, 1);
            Segment* segment = _store.Segments[number];
            if (Volatile.Read(ref segment->Live) < _pages * _page.Units * 3 / 4)
            {
                while (Volatile.Read(ref segment->Live) < _pages * _page.Units * 15 / 16)
                {
                    Accounts.Credit(segment, _page);
                    _store.Segments.Accounts.Stored(_page);
                }

                _log.Sealed.Refresh(segment->Chunk);
            }

            return true;
        }

        public void Dispose() => _store.Release();

        private void Kill(int number, int pages)
        {
            for (int i = 0; i < pages; i++)
            {
                _store.Segments.Drop(number, _page);
            }
        }
    }
}
