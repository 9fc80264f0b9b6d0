using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap.Devices.Doubles;

internal enum Fault
{
    None,
    InputOutputError,
    NoSpace,
    TornWrite,
    SilentlyTornWrite,
    FlippedBit,
    MisdirectedRead,
    MisdirectedWrite,
    Delay,
}

/// <summary>A device on top of another one that fails as disks do.</summary>
/// <remarks>
/// <para>The fault model. Reads and writes, at once or submitted, are numbered from 0 as they arrive. <see cref="Always"/> gives a fault to all of
/// them, <see cref="Plan"/> to a number; where these give none, each fault of <see cref="Chances"/> comes once in so many operations, as
/// the seed and the number say. A fault that does not fit the operation does nothing.</para>
/// <list type="bullet">
/// <item><see cref="Fault.InputOutputError"/>: nothing is transferred, EIO. A read may have spoilt its buffer.</item>
/// <item><see cref="Fault.NoSpace"/>: a write changes nothing, ENOSPC.</item>
/// <item><see cref="Fault.TornWrite"/>: some of the first blocks reach the medium, or none, then EIO.</item>
/// <item><see cref="Fault.SilentlyTornWrite"/>: the same, and it is reported as a success: a lost write.</item>
/// <item><see cref="Fault.FlippedBit"/>: a read brings one bit wrong; the medium keeps it right.</item>
/// <item><see cref="Fault.MisdirectedRead"/>: a read brings another range, of the same length.</item>
/// <item><see cref="Fault.MisdirectedWrite"/>: a write goes to another range, and is reported as a success.</item>
/// <item><see cref="Fault.Delay"/>: a request is handed on later, by another thread, behind others.</item>
/// </list>
/// <para>Trim never fails.</para>
/// </remarks>
internal sealed unsafe class FaultyDevice(SwapDevice inner, ulong seed) : SwapDevice
{
    private readonly TransferCount _underWay = new();
    private long _operations = -1;
    private long _injected;
    private int _always;

    internal override string Path => inner.Path;

    internal override long Bytes => inner.Bytes;

    internal override int BlockBytes => inner.BlockBytes;

    internal override bool KnowsWrites => inner.KnowsWrites;

    internal override bool IsDirect => inner.IsDirect;

    /// <summary>Faults of operations by number. Set before the device is used.</summary>
    public Dictionary<long, Fault> Plan { get; } = [];

    /// <summary>In how many operations a fault comes once. Set before the device is used.</summary>
    public Dictionary<Fault, int> Chances { get; } = [];

    /// <summary>The fault of every operation from now on. May be set at any time.</summary>
    public Fault Always
    {
        get => (Fault)Volatile.Read(ref _always);
        set => Volatile.Write(ref _always, (int)value);
    }

    public long Operations => Volatile.Read(ref _operations) + 1;

    /// <summary>Faults that fitted their operation.</summary>
    public long Injected => Volatile.Read(ref _injected);

    internal override int Read(long offset, byte* buffer, int length, ulong stamp)
    {
        (Fault fault, Dice dice) = Next(IoOperation.Read);
        if (fault == Fault.InputOutputError)
        {
            Spoil(buffer, length, dice);
            return Errno.EIO;
        }

        int error = inner.Read(fault == Fault.MisdirectedRead ? Elsewhere(offset, length, dice) : offset, buffer, length, stamp);
        if (fault == Fault.FlippedBit && error == 0)
            Flip(buffer, length, dice);
        return error;
    }

    internal override int Write(long offset, byte* buffer, int length, ulong stamp)
    {
        (Fault fault, Dice dice) = Next(IoOperation.Write);
        if (fault is Fault.InputOutputError or Fault.NoSpace)
            return ErrorOf(fault);
        if (fault is Fault.TornWrite or Fault.SilentlyTornWrite)
        {
            int reached = Reached(length, dice);
            int torn = reached == 0 ? 0 : inner.Write(offset, buffer, reached, stamp);
            return torn != 0 ? torn : ErrorOf(fault);
        }

        return inner.Write(fault == Fault.MisdirectedWrite ? Elsewhere(offset, length, dice) : offset, buffer, length, stamp);
    }

    internal override void Submit(IoRequest request)
    {
        (Fault fault, Dice dice) = Next(request.Operation);
        if (!_underWay.TryEnter())
        {
            request.Complete(Errno.EBADF);
            return;
        }

        request.Counted = _underWay;
        int length = request.Length;
        if (fault is Fault.TornWrite or Fault.SilentlyTornWrite)
            length = Reached(length, dice);
        if (fault is Fault.InputOutputError or Fault.NoSpace || length == 0)
        {
            if (request.Operation == IoOperation.Read)
                Spoil(request.Buffer, length, dice);
            request.Complete(ErrorOf(fault));
            return;
        }

        var relay = new Relay(request, fault, dice)
        {
            Operation = request.Operation,
            Offset = fault is Fault.MisdirectedRead or Fault.MisdirectedWrite ? Elsewhere(request.Offset, length, dice) : request.Offset,
            Buffer = request.Buffer,
            Length = length,
            Stamp = request.Stamp,
        };
        relay.Begin();
        if (fault == Fault.Delay)
        {
            int yields = dice.Below(32);
            ThreadPool.UnsafeQueueUserWorkItem(
                _ =>
                {
                    for (int i = 0; i < yields; i++)
                        Thread.Yield();
                    inner.Submit(relay);
                },
                null);
            return;
        }

        inner.Submit(relay);
    }

    internal override int Trim(long offset, long length) => inner.Trim(offset, length);

    public override void Dispose()
    {
        // Not the count first: the device below may be one that holds completions back until it is disposed.
        inner.Dispose();
        _underWay.Close();
    }

    private static int ErrorOf(Fault fault) => fault switch
    {
        Fault.InputOutputError or Fault.TornWrite => Errno.EIO,
        Fault.NoSpace => Errno.ENOSPC,
        _ => 0,
    };

    private static void Spoil(byte* buffer, int length, Dice dice)
    {
        if (dice.OnceIn(2))
            new Span<byte>(buffer, length).Fill((byte)dice.Next());
    }

    private static void Flip(byte* buffer, int length, Dice dice) => buffer[dice.Below(length)] ^= (byte)(1 << dice.Below(8));

    private (Fault Fault, Dice Dice) Next(IoOperation operation)
    {
        long number = Interlocked.Increment(ref _operations);
        var dice = new Dice(seed ^ Dice.Mix((ulong)number + 1));
        Fault fault = Always;
        if (fault == Fault.None && !Plan.TryGetValue(number, out fault))
        {
            foreach ((Fault chance, int times) in Chances)
            {
                if (dice.OnceIn(times))
                {
                    fault = chance;
                    break;
                }
            }
        }

        bool fits = fault switch
        {
            Fault.None => false,
            Fault.FlippedBit or Fault.MisdirectedRead => operation == IoOperation.Read,
            Fault.NoSpace or Fault.TornWrite or Fault.SilentlyTornWrite or Fault.MisdirectedWrite => operation == IoOperation.Write,
            _ => true,
        };
        if (!fits)
            return (Fault.None, dice);
        Interlocked.Increment(ref _injected);
        return (fault, dice);
    }

    /// <summary>Fewer bytes than the whole, and whole blocks.</summary>
    private int Reached(int length, Dice dice) => dice.Below((length + BlockBytes - 1) / BlockBytes) * BlockBytes;

    /// <summary>Another range, if there is one.</summary>
    private long Elsewhere(long offset, int length, Dice dice)
    {
        int places = (int)(Bytes / BlockBytes) - ((length + BlockBytes - 1) / BlockBytes) + 1;
        long place = offset / BlockBytes;
        return places < 2 ? offset : (place + 1 + dice.Below(places - 1)) % places * BlockBytes;
    }

    private sealed class Relay(IoRequest outer, Fault fault, Dice dice) : IoRequest
    {
        protected override void OnCompleted()
        {
            if (fault == Fault.FlippedBit && Error == 0)
                Flip(Buffer, Length, dice);
            outer.Complete(Error != 0 ? Error : ErrorOf(fault));
        }
    }
}
