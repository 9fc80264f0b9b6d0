using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.TestSeam;

namespace Paging.Tests.Swap.Devices.Doubles;

/// <summary>A file to be mapped, in memory. It may become shorter, fail, come to an end in the middle of a read, and hold back what is submitted.
/// Fails the test when it is read after it was closed, closed twice, or closed under a read.</summary>
internal sealed unsafe class MemorySource : SourceFile, IDelayedTransfers
{
    private const int Block = SwapDevice.BufferAlignment;

    private readonly byte[] _bytes;
    private readonly Dice _dice;
    private readonly Lock _lock = new();
    private readonly List<(IoRequest Request, int Wanted)> _pending = [];
    private readonly TransferCount _underWay = new();
    private int _closes;
    private bool _isClosed;
    private int _reading;

    public MemorySource(byte[] bytes, bool isDirect = true, ulong seed = 0)
    {
        _bytes = bytes;
        _dice = new Dice(seed);
        IsDirect = isDirect;
        Length = bytes.Length;
    }

    internal override string Path => "mapped in memory";

    internal override long Bytes => _bytes.Length;

    internal override long BytesNow => Length;

    internal override bool IsDirect { get; }

    /// <summary>Its length now: less than in the beginning when it was truncated.</summary>
    public long Length { get; set; }

    /// <summary>Says which blocks fail to be read, by their offset: with an error number, or 0.</summary>
    public Func<long, int> ErrorOf { get; set; } = static _ => 0;

    /// <summary>Holds back what is submitted from now on.</summary>
    public bool DelaysCompletion { get; set; }

    /// <summary>How often it was closed.</summary>
    public int Closed => _closes;

    public long Reads { get; private set; }

    public long SubmittedReads { get; private set; }

    public int PendingCount
    {
        get
        {
            lock (_lock)
                return _pending.Count;
        }
    }

    internal override int Read(long offset, byte* buffer, int length, int wanted)
    {
        if (!_underWay.TryEnter())
            return Errno.EBADF;
        Interlocked.Increment(ref _reading);

        // So that a seeded scheduler lets others run while the device is at it.
        TestHook.Reach(SharedWord.PageData);
        int error = Move(offset, buffer, length, wanted);
        TestHook.Reach(SharedWord.PageData);
        Interlocked.Decrement(ref _reading);
        _underWay.Exit();
        return error;
    }

    internal override void Submit(IoRequest request, int wanted)
    {
        Assert.True(IsDirect, "only what bypasses the page cache is submitted");
        if (!_underWay.TryEnter())
        {
            request.Complete(Errno.EBADF);
            return;
        }

        request.Counted = _underWay;
        Interlocked.Increment(ref _reading);
        lock (_lock)
        {
            SubmittedReads++;
            _pending.Add((request, wanted));
        }

        if (!DelaysCompletion)
            CompleteOne();
    }

    /// <summary>Completes one of the reads that are held back, on the calling thread.</summary>
    /// <returns>False when there is none.</returns>
    public bool CompleteOne()
    {
        IoRequest request;
        int wanted;
        lock (_lock)
        {
            if (_pending.Count == 0)
                return false;
            int which = _dice.Below(_pending.Count);
            (request, wanted) = _pending[which];
            _pending.RemoveAt(which);
        }

        int error = Move(request.Offset, request.Buffer, request.Length, wanted);
        Interlocked.Decrement(ref _reading);
        request.Complete(error);
        return true;
    }

    public override void Dispose()
    {
        Assert.Equal(1, Interlocked.Increment(ref _closes));
        _underWay.Close();
        Assert.Equal(0, _reading);
        _isClosed = true;
    }

    private int Move(long offset, byte* buffer, int length, int wanted)
    {
        Assert.False(_isClosed, "a closed file is read");
        Assert.True(offset >= 0 && offset % Block == 0 && length > 0 && length % Block == 0, "whole blocks are read");
        Assert.True((nuint)buffer % Block == 0, "buffers are aligned");
        Assert.True(wanted > 0 && wanted <= length && offset + wanted <= Bytes, "what is wanted is in the file");
        Assert.True(offset + length < Bytes + Block, "no block behind the end is read");
        Reads++;
        int error = 0;
        for (int block = 0; block < length && error == 0; block += Block)
            error = ErrorOf(offset + block);
        int there = (int)Math.Clamp(Length - offset, 0, length);

        // What a failed read has left behind means nothing.
        new Span<byte>(buffer, length).Fill(0xD7);
        if (error == 0)
            _bytes.AsSpan((int)Math.Min(offset, _bytes.Length), there).CopyTo(new Span<byte>(buffer, length));
        return error != 0 ? error : there < wanted ? Errno.EIO : 0;
    }
}
