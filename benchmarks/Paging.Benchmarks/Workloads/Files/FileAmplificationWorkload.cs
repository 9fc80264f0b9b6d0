using Paging.Residency;
using Paging.Swap;
using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>Pages overwritten at random, in a pool too small for them and a file that has to be cleaned: the bytes that writeback writes,
/// against the bytes of them that were alive when it did.</summary>
/// <remarks>A device in between looks at each segment when it is submitted. What the file's cleaner reads is told apart by its length:
/// whole segments. What it moves goes into the pool and is alive when it is written again, so that it weighs in neither figure
/// twice; how much that was is in the remarks.</remarks>
internal static class FileAmplificationWorkload
{
    private const double MostRatio = 1.25;
    private const double PoolShare = 0.25;
    private const double FileShare = 1.25;
    private const int Overwrites = 5; // times the pages

    public static void Run(Options options, Harness harness, Report report)
    {
        foreach (FileGroup group in options.Groups)
        {
            foreach (int pageBytes in options.PageSizes)
            {
                using PageSet? pages = PageSet.From(group, pageBytes, PageKind.All, options.DataBytes / 2);
                if (pages is not null)
                {
                    Measure(group.Name, pages, options, report);
                }
            }
        }
    }

    private static void Measure(string name, PageSet pages, Options options, Report report)
    {
        long stored = pages.EncodedBytes + ((long)pages.Count * EntryHeader.Size);
        long least = LogGeometry.MinPoolBytes(pages.PageBytes);
        WatchedDevice watched = null!;
        using SwapStage stage = new(
            new PagerOptions
            {
                ResidentBytes = options.ResidentFor(pages.TotalBytes, pages.PageBytes),
                PoolBytes = Math.Max((long)(stored * PoolShare), 2 * least),
                PageBytes = pages.PageBytes,
            },
            new SwapFileOptions { Path = options.SwapDirectory, Bytes = RawFile.WholeBlocks((long)(stored * FileShare)) },
            (device, domain) => watched = new WatchedDevice(device, domain));
        using PagedArray<long> array = stage.Allocate(pages);
        for (int i = 0; i < pages.Count; i++)
        {
            array.CopyFrom((long)i * array.PageLength, pages.Longs(i));
        }

        Tally filled = watched.Tally;
        int[] contents = [.. Enumerable.Range(0, pages.Count)];
        Random random = new(options.Seed);
        for (int i = 0; i < Overwrites * pages.Count; i++)
        {
            int page = random.Next(pages.Count);
            contents[page] = random.Next(pages.Count);
            array.CopyFrom((long)page * array.PageLength, pages.Longs(contents[page]));
        }

        Tally overwritten = watched.Tally - filled;
        byte[] read = new byte[pages.PageBytes];
        for (int i = 0; i < pages.Count; i++)
        {
            array.CopyTo((long)i * array.PageLength, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(read.AsSpan()));
            pages.Verify(contents[i], read, "a swap file");
        }

        report.Add(new Row(
            "fileamp", name, pages.PageBytes, overwritten.Written / 1e6, overwritten.Live / 1e6, "MB",
            [overwritten.Written / (double)overwritten.Live], Bound.AtMost(MostRatio), double.NaN,
            $"{Overwrites} times {pages.Count:n0} pages; cleaning of the file read {overwritten.Cleaned / 1e6:0} MB, " +
            $"of that alive {overwritten.CleanedLive / 1e6:0} MB; " +
            $"file {100.0 * stored / (stage.File.Bytes + (stored * PoolShare)):0}% full of live pages"));
    }

    /// <param name="Written">Whole blocks.</param>
    /// <param name="Live">Of these, bytes of entries that a descriptor pointed to when the writing began.</param>
    /// <param name="Cleaned">Read by the file's cleaner.</param>
    /// <param name="CleanedLive">Of these, bytes that lived.</param>
    private readonly record struct Tally(long Written, long Live, long Cleaned, long CleanedLive)
    {
        public static Tally operator -(Tally a, Tally b) =>
            new(a.Written - b.Written, a.Live - b.Live, a.Cleaned - b.Cleaned, a.CleanedLive - b.CleanedLive);
    }

    private sealed unsafe class WatchedDevice(SwapDevice inner, PagingDomain domain) : SwapDevice
    {
        private long _written;
        private long _live;
        private long _cleaned;
        private long _cleanedLive;

        public Tally Tally => new(
            Interlocked.Read(ref _written), Interlocked.Read(ref _live), Interlocked.Read(ref _cleaned), Interlocked.Read(ref _cleanedLive));

        internal override string Path => inner.Path;

        internal override long Bytes => inner.Bytes;

        internal override int BlockBytes => inner.BlockBytes;

        internal override bool KnowsWrites => inner.KnowsWrites;

        internal override bool IsDirect => inner.IsDirect;

        internal override int Read(long offset, byte* buffer, int length, ulong stamp)
        {
            SegmentTable segments = domain.Swap.Segments;
            for (int i = 0; i < segments.End; i++)
            {
                Segment* segment = segments[i];
                if ((ulong)segment->SealedAt == stamp && SegmentWord.State(SegmentWord.Load(&segment->Word)) == SegmentState.FileCleaning
                    && length >= segment->Used)
                {
                    Interlocked.Add(ref _cleaned, length);
                    Interlocked.Add(ref _cleanedLive, (long)Volatile.Read(ref segment->Live) << Location.UnitShift);
                }
            }

            return inner.Read(offset, buffer, length, stamp);
        }

        internal override int Write(long offset, byte* buffer, int length, ulong stamp) => inner.Write(offset, buffer, length, stamp);

        internal override void Submit(IoRequest request)
        {
            if (request is SegmentWrite write)
            {
                Segment* segment = domain.Swap.Segments[write.Segment];
                Interlocked.Add(ref _written, RawFile.WholeBlocks(request.Length));
                Interlocked.Add(ref _live, (long)Volatile.Read(ref segment->Live) << Location.UnitShift);
            }

            inner.Submit(request);
        }

        internal override int Trim(long offset, long length) => inner.Trim(offset, length);

        public override void Dispose() => inner.Dispose();
    }
}
