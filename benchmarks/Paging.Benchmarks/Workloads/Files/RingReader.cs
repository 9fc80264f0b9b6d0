using Microsoft.Win32.SafeHandles;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Benchmarks.Workloads;

/// <summary>Reads blocks of a file by bare io_uring, so many at once, and hands each over as soon as it is there, in the order asked.</summary>
internal sealed unsafe class RingReader : IDisposable
{
    private readonly UringEngine _engine;
    private readonly SafeFileHandle _file;
    private readonly Func<int, BlockRange> _rangeOf;
    private readonly AwaitedRequest[] _requests;
    private readonly int _bufferBytes;
    private readonly NativeBuffer _buffers;

    /// <param name="engine">Another's.</param>
    /// <param name="file">Another's.</param>
    /// <param name="depth">How many requests at once.</param>
    /// <param name="bufferBytes">The longest range.</param>
    /// <param name="rangeOf">Where a block lies.</param>
    public RingReader(UringEngine engine, SafeFileHandle file, int depth, int bufferBytes, Func<int, BlockRange> rangeOf)
    {
        _engine = engine;
        _file = file;
        _rangeOf = rangeOf;
        _bufferBytes = bufferBytes;
        _requests = [.. Enumerable.Range(0, depth).Select(static _ => new AwaitedRequest())];
        _buffers = new NativeBuffer((long)depth * bufferBytes);
    }

    internal delegate void Consumer(int block, byte* bytes);

    public void Read(ReadOnlySpan<int> order, Consumer use)
    {
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

            use(order[i], BufferOf(at));
            if (i + ahead < order.Length)
            {
                Submit(order[i + ahead], at);
            }
        }
    }

    public void Dispose() => _buffers.Dispose();

    private byte* BufferOf(int at) => _buffers.Pointer + ((long)at * _bufferBytes);

    private void Submit(int block, int at)
    {
        AwaitedRequest request = _requests[at];
        BlockRange range = _rangeOf(block);
        request.Operation = IoOperation.Read;
        request.Offset = range.Offset;
        request.Buffer = BufferOf(at);
        request.Length = range.Length;
        request.Begin();
        request.Progress = new TransferProgress(request.Length);
        _engine.Submit(_file, request);
    }
}
