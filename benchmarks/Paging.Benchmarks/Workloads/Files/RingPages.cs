using Paging.Swap.Devices;

namespace Paging.Benchmarks.Workloads;

/// <summary>One of several threads that read the pages of windows of rows by bare io_uring, so many at once, and decode each as soon as it is there.
/// What a pager's Gather from a file is held against: it copies no rows and checks nothing.</summary>
internal sealed unsafe class RingPages : ISide, IDisposable
{
    /// <summary>Requests of all threads.</summary>
    private const int Depth = 32;

    private readonly RawPages _pages;
    private readonly int[][] _windows;
    private readonly int _rows;
    private readonly RingReader _reader;
    private readonly RingReader.Consumer _decode;
    private Ring _frames;
    private int _next;

    public RingPages(RawPages pages, UringEngine engine, long[][] windows, int rowsPerPage, int number, int threads)
    {
        _pages = pages;
        _rows = (windows[0].Length * (number + 1) / threads) - (windows[0].Length * number / threads);
        _windows = [.. windows.Select(window => window.Select(row => (int)(row / rowsPerPage)).Distinct().Order().ToArray())
            .Select(all => all[(all.Length * number / threads)..(all.Length * (number + 1) / threads)])];
        _reader = new RingReader(engine, pages.File.Handle, Depth / threads, pages.BufferBytes, pages.RangeOf);
        _decode = (page, bytes) => _ = _pages.Decode(page, bytes, ref _frames);
        _frames = pages.Frames(number, threads);
    }

    public Outcome Run()
    {
        _reader.Read(_windows[_next++ % _windows.Length], _decode);
        return new Outcome(_rows, 0);
    }

    public void Dispose() => _reader.Dispose();
}
