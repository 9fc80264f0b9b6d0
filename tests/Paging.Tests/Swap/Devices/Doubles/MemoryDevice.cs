using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap.Devices.Doubles;

/// <summary>A device in memory.</summary>
/// <remarks>
/// <para>The fault model. It never fails and never loses what it has acknowledged. What it may do, and a disk as well:</para>
/// <list type="bullet">
/// <item>requests complete at once, or when <see cref="DelaysCompletion"/> is set as <see cref="CompleteOne"/> says, in an order drawn from
/// the seed;</item>
/// <item>the bytes of such a request move when it is submitted or when it completes, as the seed says, so that a buffer that is used too early
/// shows;</item>
/// <item>what has been trimmed, or was never written, reads as a pattern and not as zeroes;</item>
/// <item>a write takes whole blocks, with whatever lies behind its length.</item>
/// </list>
/// <para>Faults are the business of <see cref="FaultyDevice"/>.</para>
/// </remarks>
internal sealed unsafe class MemoryDevice : SwapDevice, IDelayedTransfers
{
    private const byte Unwritten = 0xD7;

    /// <summary>The medium of a device that is gone, blank again: scenarios make thousands of devices of megabytes each, and the collector would
    /// be busy with nothing else. Taken out and put back by exchange.</summary>
    private static byte[]? s_blank;

    private byte[] _medium;

    /// <summary>Nothing behind this was ever changed.</summary>
    private int _changedTo;
    private readonly Dice _dice;
    private readonly Lock _lock = new();
    private readonly List<(IoRequest Request, bool Moved)> _pending = [];
    private readonly TransferCount _underWay = new();

    public MemoryDevice(long bytes, ulong seed = 0)
    {
        Bytes = bytes;
        _medium = Interlocked.Exchange(ref s_blank, null) is { } blank && blank.Length == bytes ? blank : Blank(bytes);
        _dice = new Dice(seed);
    }

    internal override string Path => "memory";

    internal override long Bytes { get; }

    internal override int BlockBytes => BufferAlignment;

    internal override bool KnowsWrites => false;

    internal override bool IsDirect => true;

    /// <summary>Holds back what is submitted from now on.</summary>
    public bool DelaysCompletion { get; set; }

    public long Reads { get; private set; }

    /// <summary>Of the reads, those that were submitted.</summary>
    public long SubmittedReads { get; private set; }

    /// <summary>Blocks that submitted reads were of.</summary>
    public long SubmittedBlocks { get; private set; }

    public long Writes { get; private set; }

    public long BytesWritten { get; private set; }

    public long BytesTrimmed { get; private set; }

    /// <summary>Requests held back.</summary>
    public int PendingCount
    {
        get
        {
            lock (_lock)
                return _pending.Count;
        }
    }

    /// <summary>What is stored, for a test to look at and to damage, until the device is disposed.</summary>
    public Span<byte> Medium
    {
        get
        {
            _changedTo = _medium.Length;
            return _medium;
        }
    }

    internal override int Read(long offset, byte* buffer, int length, ulong stamp) => Run(IoOperation.Read, offset, buffer, length);

    internal override int Write(long offset, byte* buffer, int length, ulong stamp) => Run(IoOperation.Write, offset, buffer, length);

    internal override void Submit(IoRequest request)
    {
        if (!_underWay.TryEnter())
        {
            request.Complete(Errno.EBADF);
            return;
        }

        request.Counted = _underWay;
        lock (_lock)
        {
            SubmittedReads += request.Operation == IoOperation.Read ? 1 : 0;
            SubmittedBlocks += request.Operation == IoOperation.Read ? request.Length / BufferAlignment : 0;
            bool moves = !DelaysCompletion || _dice.OnceIn(2);
            if (moves)
                Move(request.Operation, request.Offset, request.Buffer, request.Length);
            if (DelaysCompletion)
            {
                _pending.Add((request, moves));
                return;
            }
        }

        request.Complete(0);
    }

    /// <summary>Completes one of the requests that are held back, on the calling thread.</summary>
    /// <returns>False when there is none.</returns>
    public bool CompleteOne()
    {
        IoRequest request;
        lock (_lock)
        {
            if (_pending.Count == 0)
                return false;
            int which = _dice.Below(_pending.Count);
            (request, bool moved) = _pending[which];
            _pending.RemoveAt(which);
            if (!moved)
                Move(request.Operation, request.Offset, request.Buffer, request.Length);
        }

        request.Complete(0);
        return true;
    }

    internal override int Trim(long offset, long length)
    {
        lock (_lock)
        {
            _medium.AsSpan(checked((int)offset), checked((int)length)).Fill(Unwritten);
            BytesTrimmed += length;
        }

        return 0;
    }

    public override void Dispose()
    {
        while (CompleteOne())
        {
        }

        _underWay.Close();
        lock (_lock)
        {
            byte[] medium = _medium;
            _medium = [];
            if (medium.Length > 0)
            {
                medium.AsSpan(0, _changedTo).Fill(Unwritten);
                Volatile.Write(ref s_blank, medium);
            }
        }
    }

    private static byte[] Blank(long bytes)
    {
        byte[] medium = GC.AllocateUninitializedArray<byte>(checked((int)bytes));
        medium.AsSpan().Fill(Unwritten);
        return medium;
    }

    private int Run(IoOperation operation, long offset, byte* buffer, int length)
    {
        if (!_underWay.TryEnter())
            return Errno.EBADF;
        lock (_lock)
            Move(operation, offset, buffer, length);
        _underWay.Exit();
        return 0;
    }

    private void Move(IoOperation operation, long offset, byte* buffer, int length)
    {
        Assert.True(length > 0 && offset % BlockBytes == 0, "transfers start at blocks");
        Assert.True((nuint)buffer % BufferAlignment == 0, "buffers are aligned");
        int blocks = (length + BlockBytes - 1) & -BlockBytes;
        Span<byte> stored = _medium.AsSpan(checked((int)offset), blocks);
        Span<byte> memory = new(buffer, blocks);
        if (operation == IoOperation.Read)
        {
            Assert.True(length == blocks, "whole blocks are read");
            stored.CopyTo(memory);
            Reads++;
        }
        else
        {
            memory.CopyTo(stored);
            _changedTo = Math.Max(_changedTo, (int)offset + blocks);
            Writes++;
            BytesWritten += blocks;
        }
    }
}
