using Paging.Swap.Devices;

namespace Paging.Tests.Swap.Devices.Doubles;

/// <summary>A device on top of another one that lets a test act in the middle of a transfer.</summary>
internal sealed unsafe class GatedDevice(SwapDevice inner) : SwapDevice
{
    private int _readsLeft = -1;
    private Action? _action;
    private int _reads;

    /// <summary>Reads so far.</summary>
    public int Reads => Volatile.Read(ref _reads);

    internal override string Path => inner.Path;

    internal override long Bytes => inner.Bytes;

    internal override int BlockBytes => inner.BlockBytes;

    internal override bool KnowsWrites => inner.KnowsWrites;

    internal override bool IsDirect => inner.IsDirect;

    /// <summary>Runs an action on the reading thread, before the read of that number from now, counted from 1.</summary>
    public void BeforeRead(int number, Action action)
    {
        _action = action;
        Volatile.Write(ref _readsLeft, number);
    }

    internal override int Read(long offset, byte* buffer, int length, ulong stamp)
    {
        NoteRead();
        return inner.Read(offset, buffer, length, stamp);
    }

    internal override int Write(long offset, byte* buffer, int length, ulong stamp) => inner.Write(offset, buffer, length, stamp);

    internal override void Submit(IoRequest request)
    {
        if (request.Operation == IoOperation.Read)
            NoteRead();
        inner.Submit(request);
    }

    internal override int Trim(long offset, long length) => inner.Trim(offset, length);

    public override void Dispose() => inner.Dispose();

    private void NoteRead()
    {
        Interlocked.Increment(ref _reads);
        if (Interlocked.Decrement(ref _readsLeft) == 0)
            _action!();
    }
}
