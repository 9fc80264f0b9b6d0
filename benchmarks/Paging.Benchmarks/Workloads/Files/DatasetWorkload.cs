using Paging.Datasets;

namespace Paging.Benchmarks.Workloads;

/// <summary>Saving a dataset, against the slower of two limits: the same chunks encoded from memory by a thread for each processor, and as many
/// bytes as were saved written past the page cache, 1 MiB at a time, two at once. And what it takes on the disk, beside what the pool holds the same
/// pages in.</summary>
/// <remarks>The pool holds the whole array, as it does by default. What the limit of encoding does is what saving does, with the choice of
/// filters; the pool may have filters that take differences, which blosc has not.</remarks>
internal static class DatasetWorkload
{
    private const int WriteBytes = 1 << 20;
    private const int Writes = 2;
    private const double LeastShare = 0.8;

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                byte[] data = group.Read(options.DataBytes);
                if (data.Length >= pageBytes)
                {
                    Compare(group.Name, data, pageBytes, options, harness, report);
                }
            }
        }
    }

    private static void Compare(string name, byte[] some, int pageBytes, Options options, Harness harness, Report report)
    {
        // Whole pages, repeated with a word changed.
        var data = new byte[options.DataBytes / pageBytes * pageBytes];
        for (int at = 0; at < data.Length; at += some.Length)
        {
            some.AsSpan(0, Math.Min(some.Length, data.Length - at)).CopyTo(data.AsSpan(at));
            BitConverter.TryWriteBytes(data.AsSpan(at), at);
        }

        string path = Path.Combine(options.SwapDirectory, $"paging-dataset-{Guid.NewGuid():n}");
        try
        {
            using Pager pager = new(new PagerOptions
            {
                ResidentBytes = Math.Max(64L * pageBytes, data.Length / 8),
                PoolBytes = (2L * data.Length) + (16 << 20),
                PageBytes = pageBytes,
                BackgroundThreads = 1,
            });
            double inPool;
            using (PagedArray<byte> ratio = pager.From<byte>(data, new PagedArrayOptions { Compression = CompressionGoal.Ratio }))
            {
                ratio.Advise(0, ratio.Length, PageAdvice.PageOut);
                PagerStatistics stored = pager.GetStatistics();
                inPool = (double)stored.PoolLogicalBytes / stored.PoolStoredBytes;
            }

            using PagedArray<byte> array = pager.From<byte>(data);
            array.Advise(0, array.Length, PageAdvice.PageOut);
            Saving saving = new(array, path);
            saving.Run();
            long bytes = Directory.GetFiles(path, "*", SearchOption.AllDirectories).Sum(static file => new FileInfo(file).Length);
            int threads = Environment.ProcessorCount;
            ChunkEncoder encoder = new(CompressionGoal.Ratio, 1, null);
            using RawFile raw = new(options.SwapDirectory, RawFile.WholeBlocks(bytes) + WriteBytes);
            using CrewSide encoding = new([.. Enumerable.Range(0, threads).Select(i => new Encoding(data, pageBytes, encoder, i, threads))]);
            using CrewSide writing = new([.. Enumerable.Range(0, Writes).Select(i => new Writing(raw, bytes, i, data.Length / pageBytes))]);
            Series[] series = harness.Measure(allThreads: true, saving, encoding, writing);
            int limit = series[1].Median > series[2].Median ? 1 : 2;
            report.Add(Row.Throughput(
                "dataset", $"{name}, saved", pageBytes, pageBytes, series[0], series[limit], Bound.AtLeast(LeastShare),
                $"against {(limit == 1 ? "encoding" : "writing")}; ratio {(double)data.Length / bytes:0.000}, in the pool {inPool:0.000} as stored"));
            using PagedArray<byte> opened = pager.Open<byte>(path);
            var seen = new byte[pageBytes];
            for (int at = 0; at < data.Length; at += pageBytes)
            {
                opened.CopyTo(at, seen);
                if (!seen.AsSpan().SequenceEqual(data.AsSpan(at, pageBytes)))
                {
                    throw new DataMismatchException($"page {at / pageBytes} of the dataset is another");
                }
            }
        }
        finally
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
        }
    }

    private sealed class Saving(PagedArray<byte> array, string path) : ISide
    {
        public Outcome Run()
        {
            array.Save(path, new DatasetOptions { Overwrite = true });
            return new Outcome(array.PageCount, 0);
        }
    }

    private sealed unsafe class Encoding(byte[] data, int pageBytes, ChunkEncoder encoder, int number, int threads) : ISide
    {
        private readonly NativeBuffer _target = new(ChunkEncoder.MaxBytes(pageBytes));

        public Outcome Run()
        {
            int pages = data.Length / pageBytes;
            int first = (int)((long)pages * number / threads);
            int end = (int)((long)pages * (number + 1) / threads);
            fixed (byte* from = data)
            {
                for (int page = first; page < end; page++)
                {
                    _ = encoder.Encode(from + ((long)page * pageBytes), pageBytes, _target.Pointer);
                }
            }

            return new Outcome(end - first, 0);
        }
    }

    private sealed unsafe class Writing(RawFile raw, long bytes, int number, int pages) : ISide
    {
        private readonly NativeBuffer _buffer = new(WriteBytes);

        public Outcome Run()
        {
            for (long offset = (long)number * WriteBytes; offset < bytes; offset += (long)Writes * WriteBytes)
            {
                raw.WriteBlocks(offset, _buffer.Pointer, RawFile.WholeBlocks(Math.Min(WriteBytes, bytes - offset)));
            }

            return new Outcome((pages * (number + 1) / Writes) - (pages * number / Writes), 0);
        }
    }
}
