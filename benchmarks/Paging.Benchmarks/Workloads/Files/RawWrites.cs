using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Benchmarks.Workloads;

/// <summary>Writes of segments as bare system calls do them: from memory on huge pages, in the order of the file, so many at once.</summary>
internal sealed unsafe class RawWrites : IDisposable
{
    public const int Depth = 4;

    private readonly NativeBuffer _segments;

    public RawWrites(string directory, int count, long segmentBytes, int seed)
    {
        Count = count;
        SegmentBytes = segmentBytes;
        _segments = new NativeBuffer(count * segmentBytes);
        new Random(seed).NextBytes(_segments.Span<byte>(0, checked((int)_segments.Length)));
        File = new RawFile(directory, count * segmentBytes);
    }

    public int Count { get; }

    public long SegmentBytes { get; }

    public RawFile File { get; }

    public byte* Segment(int number) => _segments.Pointer + (number * SegmentBytes);

    /// <summary>One thread for each write under way.</summary>
    public CrewSide Threads() => new([.. Enumerable.Range(0, Depth).Select(i => new Share(this, i))]);

    public void Dispose()
    {
        File.Dispose();
        _segments.Dispose();
    }

    private sealed class Share(RawWrites writes, int first) : ISide
    {
        public Outcome Run()
        {
            int count = 0;
            for (int i = first; i < writes.Count; i += Depth, count++)
            {
                writes.File.WriteBlocks(i * writes.SegmentBytes, writes.Segment(i), writes.SegmentBytes);
            }

            return new Outcome(count, 0);
        }
    }

    /// <summary>One thread that keeps the writes under way through io_uring.</summary>
    public sealed class Ring(RawWrites writes, IoEngine engine) : ISide
    {
        private readonly AwaitedRequest[] _requests = [.. Enumerable.Range(0, Depth).Select(_ => new AwaitedRequest())];

        public Outcome Run()
        {
            for (int i = 0; i < writes.Count; i++)
            {
                AwaitedRequest request = _requests[i % Depth];
                Await(request);
                request.Operation = IoOperation.Write;
                request.Offset = i * writes.SegmentBytes;
                request.Buffer = writes.Segment(i);
                request.Length = (int)writes.SegmentBytes;
                request.Begin();
                request.Progress = new TransferProgress(request.Length);
                engine.Submit(writes.File.Handle, request);
            }

            Array.ForEach(_requests, Await);
            return new Outcome(writes.Count, 0);
        }

        private static void Await(AwaitedRequest request)
        {
            request.Wait();
            if (request.Error != 0)
            {
                throw new IOException($"A raw write failed with error {request.Error}.");
            }
        }
    }
}
