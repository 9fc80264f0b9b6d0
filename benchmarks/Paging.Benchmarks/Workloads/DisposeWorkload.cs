using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Disposing an array whose pages are stored, and discarding them, against the interlocked operations that no way of doing it can
/// spare.</summary>
/// <remarks>Three for each page: its word in the page table, and the life and the location of its descriptor, which other threads may have in their
/// hands. The limit walks a table of words and a table of descriptors of the same sizes in the order of their addresses, which is the order
/// of eviction. The bound is in nanoseconds, so that programs can reckon with it.</remarks>
internal static class DisposeWorkload
{
    private const double BoundNanoseconds = 150;
    private const int PageBytes = 4 << 10;
    private const int LineBytes = 64;
    private const int Pages = 500_000;

    /// <summary>Frames that the array has at most: all other pages are stored.</summary>
    private const long ResidentBytes = 1L << 20;

    public static void Run(Options options, Harness harness, Report report)
    {
        Compare("lines repeated", sameFilled: false, options, harness, report);
        Compare("same-filled", sameFilled: true, options, harness, report);
    }

    private static void Compare(string name, bool sameFilled, Options options, Harness harness, Report report)
    {
        using PagedSide disposing = new(options.Seed, sameFilled, discards: false);
        using PagedSide discarding = new(options.Seed, sameFilled, discards: true);
        using WalkingSide limit = new();
        Series[] series = harness.Measure(allThreads: false, disposing, discarding, limit);
        report.Add(Row.Difference("dispose", name, PageBytes, series[0], series[2], Bound.AtMost(BoundNanoseconds, "ns"), $"{Pages:N0} pages"));
        report.Add(Row.Difference(
            "dispose", $"{name}, Discard", PageBytes, series[1], series[2], Bound.AtMost(BoundNanoseconds, "ns"), $"{Pages:N0} pages"));
    }

    private sealed class PagedSide(int seed, bool sameFilled, bool discards) : ISide, IDisposable
    {
        private readonly Pager _pager = new(new PagerOptions
        {
            ResidentBytes = ResidentBytes,
            PoolBytes = 256L << 20,
            PageBytes = PageBytes,
            BackgroundThreads = 0,
        });

        private PagedArray<long>? _array;

        public void Prepare()
        {
            _array?.Dispose();
            _array = _pager.Allocate<long>((long)Pages * PageBytes / sizeof(long), Plain.Options);
            Random random = new(seed);
            long[] page = new long[_array.PageLength];
            Span<long> line = page.AsSpan(0, LineBytes / sizeof(long));
            for (int i = 0; i < Pages; i++)
            {
                random.NextBytes(MemoryMarshal.AsBytes(sameFilled ? line[..1] : line));
                for (int at = sameFilled ? 1 : line.Length; at < page.Length; at += sameFilled ? 1 : line.Length)
                {
                    page.AsSpan(0, sameFilled ? 1 : line.Length).CopyTo(page.AsSpan(at));
                }

                _array.CopyFrom((long)i * page.Length, page);
            }
        }

        public Outcome Run()
        {
            if (discards)
            {
                _array!.Discard(0, _array.Length);
            }
            else
            {
                _array!.Dispose();
            }

            return new Outcome(Pages, Pages);
        }

        public void Dispose()
        {
            _array?.Dispose();
            _pager.Dispose();
        }
    }

    private sealed unsafe class WalkingSide : ISide, IDisposable
    {
        private const int DescriptorWords = 4;
        private readonly NativeBuffer _words = new((long)Pages * sizeof(long));
        private readonly NativeBuffer _descriptors = new((long)Pages * DescriptorWords * sizeof(long));

        public void Prepare()
        {
            new Span<long>((void*)_words.Pointer, Pages).Fill(1);
            new Span<long>((void*)_descriptors.Pointer, Pages * DescriptorWords).Fill(1);
        }

        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < Pages; i += Orders.Slice)
            {
                sum += Walk(i, Math.Min(Pages, i + Orders.Slice));
            }

            return new Outcome(Pages, sum);
        }

        public void Dispose()
        {
            _words.Dispose();
            _descriptors.Dispose();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private long Walk(int first, int end)
        {
            long* words = (long*)_words.Pointer;
            long* descriptors = (long*)_descriptors.Pointer;
            long sum = 0;
            for (int i = first; i < end; i++)
            {
                long* descriptor = descriptors + ((long)i * DescriptorWords);
                sum += Interlocked.CompareExchange(ref words[i], 2, 1);
                _ = Interlocked.CompareExchange(ref descriptor[1], 2, 1);
                _ = Interlocked.Exchange(ref descriptor[0], 0);
            }

            return sum;
        }
    }
}
