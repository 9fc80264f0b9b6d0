using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Cloning 1 GiB of pages in the pool, against what no way of doing it by references can spare: an interlocked operation on each page's
/// descriptor, and a word for it in new memory.</summary>
/// <remarks>Descriptors lie in a row where pages were stored in the order of their addresses, and anywhere where they were stored in random order; the limit
/// walks them in a row. The bound is in nanoseconds, so that programs can reckon with it.</remarks>
internal static class CloneWorkload
{
    private const double BoundNanoseconds = 10;
    private const int PageBytes = 4 << 10;
    private const int LineBytes = 64;
    private const int Pages = 1 << 18;

    public static void Run(Options options, Harness harness, Report report)
    {
        Compare("stored in order", isShuffled: false, Bound.AtMost(BoundNanoseconds, "ns"), options, harness, report);
        Compare("stored in random order", isShuffled: true, Bound.None, options, harness, report);
    }

    private static void Compare(string name, bool isShuffled, Bound bound, Options options, Harness harness, Report report)
    {
        using CloningSide cloning = new(options.Seed, isShuffled);
        using WalkingSide limit = new();
        Series[] series = harness.Measure(allThreads: false, cloning, limit);
        report.Add(new Row(
            "clone", name, PageBytes, series[0].Median, series[1].Median, "ns", series[0].Nanoseconds, bound, series[0].AllocatedPerOperation,
            $"{Pages:N0} pages"));
    }

    private sealed class CloningSide : ISide, IDisposable
    {
        private readonly Pager _pager = new(new PagerOptions
        {
            ResidentBytes = 1L << 20,
            PoolBytes = 256L << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 0,
        });

        private readonly PagedArray<byte> _array;
        private PagedArray<byte>? _clone;

        public CloningSide(int seed, bool isShuffled)
        {
            _array = _pager.Allocate<byte>((long)Pages * PageBytes, Plain.Options);
            Random random = new(seed);
            int[] order = [.. Enumerable.Range(0, Pages)];
            if (isShuffled)
            {
                random.Shuffle(order);
            }

            long[] page = new long[PageBytes / sizeof(long)];
            Span<long> line = page.AsSpan(0, LineBytes / sizeof(long));
            foreach (int i in order)
            {
                random.NextBytes(MemoryMarshal.AsBytes(line));
                for (int at = line.Length; at < page.Length; at += line.Length)
                {
                    line.CopyTo(page.AsSpan(at));
                }

                _array.CopyFrom((long)i * PageBytes, MemoryMarshal.AsBytes<long>(page));
            }

            _array.Advise(0, _array.Length, PageAdvice.PageOut);
        }

        public void Prepare() => _clone?.Dispose();

        public Outcome Run()
        {
            _clone = _array.Clone();
            return new Outcome(Pages, Pages);
        }

        public void Dispose()
        {
            _clone?.Dispose();
            _array.Dispose();
            _pager.Dispose();
        }
    }

    private sealed unsafe class WalkingSide : ISide, IDisposable
    {
        private const int DescriptorWords = 4;
        private readonly NativeBuffer _descriptors = new((long)Pages * DescriptorWords * sizeof(long));

        public WalkingSide() => new Span<long>((void*)_descriptors.Pointer, Pages * DescriptorWords).Fill(1);

        public Outcome Run()
        {
            long* words = (long*)NativeMemory.AlignedAlloc(Pages * sizeof(long), 4096);
            long* descriptors = (long*)_descriptors.Pointer;
            long sum = 0;
            for (int i = 0; i < Pages; i++)
            {
                long* life = descriptors + ((long)i * DescriptorWords) + 1;
                long before = *life;
                sum += Interlocked.CompareExchange(ref *life, before + 1, before) == before ? 1 : 0;
                words[i] = before;
            }

            NativeMemory.AlignedFree(words);
            return new Outcome(Pages, sum);
        }

        public void Dispose() => _descriptors.Dispose();
    }
}
