using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Benchmarks.Workloads;

/// <summary>One of several threads that read the pages of windows of rows by bare io_uring, so many at once, and decode each as soon as it is there.
/// What a pager's Gather from a file is held against: it copies no rows and checks nothing.</summary>
internal sealed unsafe class RingPages : ISide, IDisposable
{
    /// <summary>Requests of all threads.</summary>
    private const int Depth = 32;

    private readonly RawPages _pages;
    private readonly UringEngine _engine;
    private readonly int[][] _windows;
    private readonly int _rows;
    private readonly AwaitedRequest[] _requests;
    private readonly NativeBuffer _buffers;
    private Ring _frames;
    private int _next;

    public RingPages(RawPages pages, UringEngine engine, long[][] windows, int rowsPerPage, int number, int threads)
    {
        _pages = pages;
        _engine = engine;
        _rows = (windows[0].Length * (number + 1) / threads) - (windows[0].Length * number / threads);
        _windows = [.. windows.Select(window => window.Select(row => (int)(row / rowsPerPage)).Distinct().Order().ToArray())
            .Select(all => all[(all.Length * number / threads)..(all.Length * (number + 1) / threads)])];
        _requests = [.. Enumerable.Range(0, Depth / threads).Select(static _ => new AwaitedRequest())];
        _buffers = new NativeBuffer((long)_requests.Length * pages.BufferBytes);
        _frames = pages.Frames(number, threads);
    }

    public Outcome Run()
    {
        int[] order = _windows[_next++ % _windows.Length];
        int ahead = Math.Min(_requests.Length, order.Length);
        for (int i = 0; i < ahead; i++)
        {
            Submit(order[i], i);
        }

        for (int i = 0; i < order.Length; i++)
        {
            int at = i % _requests.Length;
            _requests[at].Wait();
            if (_requests[at].Error != 0)
            {
                throw new IOException($"A raw read failed with error {_requests[at].Error}.");
            }

            _ = _pages.Decode(order[i], BufferOf(at), ref _frames);
            if (i + ahead < order.Length)
            {
                Submit(order[i + ahead], at);
            }
        }

        return new Outcome(_rows, 0);
    }

    public void Dispose() => _buffers.Dispose();

    private byte* BufferOf(int at) => _buffers.Pointer + ((long)at * _pages.BufferBytes);

    private void Submit(int page, int at)
    {
        AwaitedRequest request = _requests[at];
        BlockRange range = _pages.RangeOf(page);
        request.Operation = IoOperation.Read;
        request.Offset = range.Offset;
        request.Buffer = BufferOf(at);
        request.Length = range.Length;
        request.Begin();
        request.Progress = new TransferProgress(request.Length);
        _engine.Submit(_pages.File.Handle, request);
    }
}
