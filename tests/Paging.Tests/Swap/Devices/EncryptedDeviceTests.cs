using System.Text;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Model;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Nothing readable on the medium, and nothing accepted from it that was not written there by the write that is asked for.</summary>
public sealed unsafe class EncryptedDeviceTests
{
    private const int Stored = SwapDevice.BufferAlignment;
    private const int Payload = BlockCipher.PayloadBytes;
    private const int Blocks = 64;

    public static TheoryData<string> Kinds() => Engines.Names();

    [Fact]
    public void A_block_gives_sixteen_bytes_to_its_tag()
    {
        using var device = new EncryptedDevice(new MemoryDevice(Blocks * Stored));
        Assert.Equal((4080, Blocks * 4080L, true, "memory"), (device.BlockBytes, device.Bytes, device.IsDirect, device.Path));
    }

    [Fact]
    public void Any_run_of_blocks_of_a_write_can_be_read() => Using((device, _, memory, read) =>
    {
        foreach (int length in (int[])[1, 4079, 4080, 4081, 4096, 5 * Payload, (5 * Payload) + 1, 40 * Payload])
        {
            ulong stamp = (ulong)length;
            new Random(length).NextBytes(memory.Span);
            Assert.Equal(0, device.Write(3 * Payload, memory.Address, length, stamp));
            int blocks = (length + Payload - 1) / Payload;
            for (int first = 0; first < blocks; first++)
            {
                for (int count = 1; first + count <= blocks; count += 1 + (count / 3))
                {
                    Assert.Equal(0, device.Read((3 + first) * Payload, read.Address, count * Payload, stamp));
                    int bytes = Math.Min(count * Payload, length - (first * Payload));
                    Assert.True(memory.Span.Slice(first * Payload, bytes).SequenceEqual(read.Span[..bytes]));
                }
            }
        }
    });

    [Fact]
    public void The_medium_shows_neither_content_nor_that_blocks_are_alike() => Using((device, medium, memory, _) =>
    {
        byte[] secret = Encoding.ASCII.GetBytes("a rather long secret that nobody must see");
        for (int i = 0; i < 8 * Payload; i += Payload)
        {
            secret.CopyTo(memory.Span[i..]);
        }

        Assert.Equal(0, device.Write(0, memory.Address, 8 * Payload, 1));
        Assert.Equal(0, device.Write(8 * Payload, memory.Address, 8 * Payload, 2));
        Assert.Equal(-1, medium.Medium.IndexOf(secret.AsSpan(0, 8)));
        Assert.Equal(-1, medium.Medium[..(16 * Stored)].IndexOf(new byte[16]));
        var seen = new HashSet<ulong>();
        for (int i = 0; i < 16 * Stored; i += 8)
        {
            Assert.True(seen.Add(BitConverter.ToUInt64(medium.Medium[i..])));
        }
    });

    [Fact]
    public void Two_devices_have_two_keys() => Using((device, medium, memory, read) => Using((other, otherMedium, _, _) =>
    {
        Assert.Equal(0, device.Write(0, memory.Address, Payload, 1));
        Assert.Equal(0, other.Write(0, memory.Address, Payload, 1));
        Assert.False(medium.Medium[..Stored].SequenceEqual(otherMedium.Medium[..Stored]));
        medium.Medium[..Stored].CopyTo(otherMedium.Medium);
        Assert.Equal(Errno.EBADMSG, other.Read(0, read.Address, Payload, 1));
    }));

    [Fact]
    public void Every_flipped_bit_is_found() => Seeded.Run(seed => Using((device, medium, memory, read) =>
    {
        var dice = new Dice(seed);
        Assert.Equal(0, device.Write(0, memory.Address, 3 * Payload, 1));
        for (int i = 0; i < 300; i++)
        {
            int at = dice.Below(3 * Stored);
            byte bit = (byte)(1 << dice.Below(8));
            medium.Medium[at] ^= bit;
            int block = at / Stored;
            for (int other = 0; other < 3; other++)
            {
                Assert.Equal(other == block ? Errno.EBADMSG : 0, device.Read(other * Payload, read.Address, Payload, 1));
            }

            Assert.Equal(Errno.EBADMSG, device.Read(0, read.Address, 3 * Payload, 1));
            medium.Medium[at] ^= bit;
        }

        Assert.Equal(0, device.Read(0, read.Address, 3 * Payload, 1));
    }));

    [Fact]
    public void What_was_written_elsewhere_or_before_is_refused() => Using((device, medium, memory, read) =>
    {
        Assert.Equal(0, device.Write(0, memory.Address, 4 * Payload, 1));
        byte[] old = medium.Medium[..(4 * Stored)].ToArray();

        // Another block of the same write.
        old.AsSpan(0, Stored).CopyTo(medium.Medium[Stored..]);
        Assert.Equal(Errno.EBADMSG, device.Read(Payload, read.Address, Payload, 1));

        // The same blocks of the write before.
        Assert.Equal(0, device.Write(0, memory.Address, 4 * Payload, 2));
        Assert.Equal(Errno.EBADMSG, device.Read(0, read.Address, 4 * Payload, 1));
        old.CopyTo(medium.Medium);
        Assert.Equal(Errno.EBADMSG, device.Read(0, read.Address, 4 * Payload, 2));

        // What was trimmed, and what was never written.
        Assert.Equal(0, device.Trim(0, 4 * Payload));
        Assert.Equal(4L * Stored, medium.BytesTrimmed);
        Assert.Equal(Errno.EBADMSG, device.Read(0, read.Address, Payload, 2));
        Assert.Equal(Errno.EBADMSG, device.Read(10 * Payload, read.Address, Payload, 2));
    });

    [Fact]
    public void A_write_reads_no_further_than_the_page_in_which_its_bytes_end()
    {
        // Two blocks of payload, and one page of memory with nothing behind it.
        byte* memory = VirtualMemory.Reserve(2 * Stored, Stored, sparse: false);
        try
        {
            Assert.True(VirtualMemory.TryCommit(memory, Stored, huge: false));
            using var device = new EncryptedDevice(new MemoryDevice(Blocks * Stored));
            Assert.Equal(0, device.Write(0, memory, Stored, 1));
        }
        finally
        {
            VirtualMemory.Release(memory, 2 * Stored);
        }
    }

    [Fact]
    public void A_transfer_larger_than_the_scratch_buffers_goes_in_pieces()
    {
        using var device = new EncryptedDevice(new MemoryDevice(Blocks * Stored), maxTransfer: 1);
        using var memory = new AlignedMemory(Blocks * Stored);
        using var read = new AlignedMemory(Blocks * Stored);
        new Random(5).NextBytes(memory.Span);
        int length = Blocks * Payload;
        Assert.Equal(0, device.Write(0, memory.Address, length, 1));
        AwaitedRequest request = IoEngineTests.Request(IoOperation.Read, 0, read.Address, length);
        request.Stamp = 1;
        device.Submit(request);
        request.Wait();
        Assert.Equal(0, request.Error);
        Assert.True(memory.Span[..length].SequenceEqual(read.Span[..length]));
    }

    [Fact]
    public void Errors_of_the_device_below_are_passed_on_and_buffers_come_back()
    {
        var faulty = new FaultyDevice(new MemoryDevice(Blocks * Stored), seed: 1);
        faulty.Chances[Fault.InputOutputError] = 1;
        using var device = new EncryptedDevice(faulty);
        using var memory = new AlignedMemory(Stored);
        for (int i = 0; i < 100; i++)
        {
            AwaitedRequest request = IoEngineTests.Request(i % 2 == 0 ? IoOperation.Write : IoOperation.Read, 0, memory.Address, Payload);
            device.Submit(request);
            request.Wait();
            Assert.Equal(Errno.EIO, request.Error);
            Assert.Equal(Errno.EIO, device.Read(0, memory.Address, Payload, 1));
        }

        // A thread of the crew may be about to return its buffer when the next transfer takes one.
        Assert.InRange(device.ScratchBytes, 1, (1 + CipherCrew.MaxThreads) * (72 << 10));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Many_transfers_at_once_share_few_buffers(string kind)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        Seeded.Run(seed => Load(seed, directory, engine));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_waits_for_what_is_under_way_before_it_closes(string kind)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = Engines.Create(kind);
        for (int round = 0; round < 20; round++)
        {
            var device = new EncryptedDevice(DirectFile.Open(directory.Path, Blocks * Stored, engine));
            using var memory = new AlignedMemory(Blocks * Stored);
            AwaitedRequest[] requests = new AwaitedRequest[16];
            for (int i = 0; i < requests.Length; i++)
            {
                requests[i] = IoEngineTests.Request(IoOperation.Write, i * Payload, memory.Address + (i * Stored), Payload);
                requests[i].Stamp = (ulong)i + 1;
                device.Submit(requests[i]);
            }

            device.Dispose();
            Assert.All(requests, request => Assert.True(request.IsComplete && request.Error == 0));
            device.Dispose();
            Assert.Equal(Errno.EBADF, device.Write(0, memory.Address, Payload, 99));
        }
    }

    private delegate void Test(EncryptedDevice device, MemoryDevice medium, AlignedMemory memory, AlignedMemory read);

    private static void Load(ulong seed, TemporaryDirectory directory, IoEngine engine)
    {
        const int Threads = 4;
        const int Share = 128;
        using var device = new EncryptedDevice(DirectFile.Open(directory.Path, (long)Threads * Share * Stored, engine));
        IoEngineTests.Parallel(Threads, thread =>
        {
            var dice = new Dice(seed ^ Dice.Mix((ulong)thread + 1));
            using var pool = new TransferPool(device, firstBlock: (long)thread * Share, Share, depth: 24);
            for (int i = 0; i < 60; i++)
            {
                pool.Round(dice);
            }
        });
    }

    private static void Using(Test test)
    {
        var medium = new MemoryDevice(Blocks * Stored);
        using var device = new EncryptedDevice(medium);
        using var memory = new AlignedMemory(Blocks * Stored);
        using var read = new AlignedMemory(Blocks * Stored);
        test(device, medium, memory, read);
    }
}
