using System.Runtime.InteropServices;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>One thread's share of a device, and the transfers that it keeps in flight there: writes of random runs, and reads of what was
/// written.</summary>
internal sealed unsafe class TransferPool : IDisposable
{
    private readonly int _mostBlocks;
    private readonly SwapDevice _device;
    private readonly long _firstBlock;

    // The write that a block holds, how many of its bytes, and whether a transfer of it is in flight.
    private readonly (ulong Stamp, int Bytes, bool Busy)[] _blocks;
    private readonly Lane[] _lanes;
    private readonly AlignedMemory _memory;
    private readonly int _laneBytes;
    private ulong _stamp;

    public TransferPool(SwapDevice device, long firstBlock, int blocks, int depth, int mostBlocks = 8)
    {
        _device = device;
        _mostBlocks = mostBlocks;
        _firstBlock = firstBlock;
        _blocks = new (ulong, int, bool)[blocks];
        _laneBytes = _mostBlocks * SwapDevice.BufferAlignment;
        _memory = new AlignedMemory(depth * _laneBytes);
        _lanes = new Lane[depth];
        for (int i = 0; i < depth; i++)
        {
            _lanes[i] = new Lane { Buffer = _memory.Address + (i * _laneBytes) };
        }

        // Stamps of no two pools of a device are alike.
        _stamp = (ulong)(firstBlock + 1) << 32;
    }

    /// <summary>Starts a transfer on every lane that has none, then waits for a random half.</summary>
    public void Round(Dice dice)
    {
        foreach (Lane lane in _lanes)
        {
            if (lane.Count == 0)
            {
                Start(lane, dice);
            }
        }

        foreach (Lane lane in _lanes)
        {
            if (lane.Count != 0 && dice.OnceIn(2))
            {
                Finish(lane);
            }
        }
    }

    public void Dispose()
    {
        foreach (Lane lane in _lanes)
        {
            if (lane.Count != 0)
            {
                Finish(lane);
            }
        }

        _memory.Dispose();
    }

    private void Start(Lane lane, Dice dice)
    {
        int first = dice.Below(_blocks.Length);
        int most = 1 + dice.Below(_mostBlocks);
        ulong stamp = _blocks[first].Stamp;
        bool read = stamp != 0 && dice.OnceIn(2);
        int count = 0;
        while (count < most && first + count < _blocks.Length && !_blocks[first + count].Busy && (!read || _blocks[first + count].Stamp == stamp))
        {
            count++;
        }

        if (count == 0)
        {
            return;
        }

        lane.First = first;
        lane.Count = count;
        lane.Operation = read ? IoOperation.Read : IoOperation.Write;
        lane.Stamp = read ? stamp : ++_stamp;
        lane.Offset = (_firstBlock + first) * _device.BlockBytes;
        lane.Length = count * _device.BlockBytes;
        // Of the last block, as little as a word.
        if (!read)
        {
            lane.Length -= dice.Below(_device.BlockBytes - 7);
        }

        for (int i = 0; i < count; i++)
        {
            int bytes = read ? _blocks[first + i].Bytes : Math.Min(_device.BlockBytes, lane.Length - (i * _device.BlockBytes));
            _blocks[first + i] = (lane.Stamp, bytes, true);
            Words(lane, i).Fill(read ? 0 : Content(lane.Stamp, first + i));
        }

        if (dice.OnceIn(8))
        {
            lane.Begin();
            lane.Complete(read
                ? _device.Read(lane.Offset, lane.Buffer, lane.Length, lane.Stamp)
                : _device.Write(lane.Offset, lane.Buffer, lane.Length, lane.Stamp));
            return;
        }

        lane.Begin();
        _device.Submit(lane);
    }

    private void Finish(Lane lane)
    {
        lane.Wait();
        Assert.Equal(0, lane.Error);
        for (int i = 0; i < lane.Count; i++)
        {
            if (lane.Operation == IoOperation.Read)
            {
                int words = _blocks[lane.First + i].Bytes / sizeof(ulong);
                Assert.Equal(-1, Words(lane, i)[..words].IndexOfAnyExcept(Content(lane.Stamp, lane.First + i)));
            }

            _blocks[lane.First + i].Busy = false;
        }

        lane.Count = 0;
    }

    private Span<ulong> Words(Lane lane, int block) =>
        MemoryMarshal.Cast<byte, ulong>(new Span<byte>(lane.Buffer + (block * _device.BlockBytes), _device.BlockBytes));

    private static ulong Content(ulong stamp, int block) => Dice.Mix((stamp << 16) + (ulong)block) | 1;

    private sealed class Lane : AwaitedRequest
    {
        public int First { get; set; }

        public int Count { get; set; }
    }
}
