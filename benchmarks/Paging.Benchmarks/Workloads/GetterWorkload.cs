using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>The indexer at random, against an unchecked native pointer and against a memory-mapped view accessor.</summary>
/// <remarks>What is read is summed as integers: a sum of floats is a chain of additions of several cycles each, in whose shadow we
/// would hide work. The small set is in the second-level cache and shows the instructions; the large one shows what a second
/// cache miss costs. The mapped file was just written, so its pages are in memory, and warming up has mapped them.</remarks>
internal static class GetterWorkload
{
    private const int IndexCount = 1 << 20;
    private const double BoundRatio = 2.0;
    private const double BoundGain = 4.0;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (int pageBytes in options.PageSizes)
        {
            Compare("1 MiB", 1L << 20, pageBytes, options, harness, report);
            Compare("64 MiB", 64L << 20, pageBytes, options, harness, report);
        }
    }

    private static void Compare(string name, long bytes, int pageBytes, Options options, Harness harness, Report report)
    {
        using ResidentArray<float> data = new(bytes, pageBytes, options.Seed, bits => bits / (float)int.MaxValue);
        int[] indexes = Orders.RandomIndexes(IndexCount, data.Length, options.Seed + 1);
        using AccessorSide accessor = new(data, indexes);

        Series[] series = harness.Measure(allThreads: false, new IndexerSide(data, indexes), new PointerSide(data, indexes), accessor);

        data.Verify();
        report.Add(Row.Ratio("getter", $"{name}, float*", pageBytes, series[0], series[1], Bound.AtMost(BoundRatio), data.Note));
        report.Add(Row.Gain("getter", $"{name}, view accessor", pageBytes, series[0], series[2], Bound.AtLeast(BoundGain), data.Note));
    }

    private abstract class GetterSide(int[] indexes) : ISide
    {
        public Outcome Run()
        {
            long sum = 0;
            for (int i = 0; i < indexes.Length; i += Orders.Slice)
            {
                sum += Read(Orders.SliceAt(indexes, i));
            }

            return new Outcome(indexes.Length, sum);
        }

        protected abstract long Read(ReadOnlySpan<int> slice);
    }

    private sealed class IndexerSide(ResidentArray<float> data, int[] indexes) : GetterSide(indexes)
    {
        private readonly PagedArray<float> _array = data.Array;

        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override long Read(ReadOnlySpan<int> slice)
        {
            PagedArray<float> array = _array;
            long sum = 0;
            foreach (int index in slice)
            {
                sum += BitConverter.SingleToInt32Bits(array[index]);
            }

            return sum;
        }
    }

    private sealed unsafe class PointerSide(ResidentArray<float> data, int[] indexes) : GetterSide(indexes)
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override long Read(ReadOnlySpan<int> slice)
        {
            float* elements = data.Native;
            long sum = 0;
            foreach (int index in slice)
            {
                sum += BitConverter.SingleToInt32Bits(elements[index]);
            }

            return sum;
        }
    }

    private sealed class AccessorSide : GetterSide, IDisposable
    {
        private readonly FileStream _file;
        private readonly MemoryMappedFile _mapping;
        private readonly MemoryMappedViewAccessor _view;

        public AccessorSide(ResidentArray<float> data, int[] indexes)
            : base(indexes)
        {
            string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            _file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Options = FileOptions.DeleteOnClose,
            });
            _file.Write(MemoryMarshal.AsBytes(data.Span));
            _file.Flush();
            _mapping = MemoryMappedFile.CreateFromFile(
                _file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }

        public void Dispose()
        {
            _view.Dispose();
            _mapping.Dispose();
            _file.Dispose();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        protected override long Read(ReadOnlySpan<int> slice)
        {
            MemoryMappedViewAccessor view = _view;
            long sum = 0;
            foreach (int index in slice)
            {
                sum += BitConverter.SingleToInt32Bits(view.ReadSingle((long)index * sizeof(float)));
            }

            return sum;
        }
    }
}
