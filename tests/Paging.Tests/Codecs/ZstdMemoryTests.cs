using System.Diagnostics;
using System.Runtime.InteropServices;
using Paging.Codecs;
using Paging.Stress.Driver;
using Paging.Tests.Protocol;

namespace Paging.Tests.Codecs;

/// <summary>What the contexts of Zstd take, and that they give it back.</summary>
[Collection(Alone.Name)]
public sealed unsafe class ZstdMemoryTests
{
    private const int Uses = 50;
    private static readonly TimeSpan s_hung = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(4 << 10, 1)]
    [InlineData(4 << 10, 3)]
    [InlineData(64 << 10, 1)]
    [InlineData(1 << 20, 3)]
    public void After_its_first_use_on_a_thread_nothing_is_allocated(int length, int level)
    {
        using var buffers = new Buffers(length, level);
        AllocatesNothing(buffers.Use);
    }

    [Fact]
    public void Lengths_and_levels_in_turn_allocate_nothing_either()
    {
        using var small = new Buffers(4 << 10, 1);
        using var large = new Buffers(64 << 10, 3);
        using var unusual = new Buffers(5_001, 2);
        AllocatesNothing(() =>
        {
            large.Use();
            small.Use();
            unusual.Use();
        });
    }

    /// <summary>The control: one small object in fifty uses is noticed.</summary>
    [Fact]
    public void A_single_allocation_would_be_noticed()
    {
        int uses = 0;
        object? kept = null;
        Assert.NotEqual(0, LeastAllocated(() => kept = ++uses % Uses == 0 ? new object() : kept));
        GC.KeepAlive(kept);
    }

    [Theory]
    [InlineData(4 << 10, 1, 73)]
    [InlineData(4 << 10, 3, 89)]
    [InlineData(16 << 10, 1, 214)]
    [InlineData(16 << 10, 3, 278)]
    [InlineData(64 << 10, 1, 298)]
    [InlineData(64 << 10, 3, 650)]
    [InlineData(4 << 20, 1, 570)]
    [InlineData(4 << 20, 3, 1274)]
    public void An_encoder_takes_no_more_than_this(int length, int level, int kibibytes)
    {
        using var page = new GuardedMemory(length);
        using var target = new GuardedMemory(length);
        using var encoder = new ZstdEncoder();
        int encoded = encoder.TryEncode(page.Place(length, atEnd: true), length, target.Place(length, atEnd: true), length, level);
        Assert.InRange(encoded, 1, length);
        Assert.InRange(encoder.Bytes, 1u, (nuint)kibibytes << 10);
    }

    [Fact]
    public void Threads_that_have_ended_give_everything_back()
    {
        // The reserve and the contexts that all threads share are there to stay: one of a kind for threads that come one after another.
        // First what others have left: the last pager that is finalized takes the contexts with it.
        using var own = new Buffers(16 << 10, 3);
        Collect(long.MinValue, rounds: 3);
        own.Use();
        long before = CodecMemory.OutstandingBytes;
        for (int i = 0; i < 20; i++)
        {
            OnThreadOfItsOwn(static () =>
            {
                using var buffers = new Buffers(16 << 10, 3);
                buffers.Use();
            });
        }

        Collect(before, rounds: int.MaxValue);
        Assert.InRange(CodecMemory.OutstandingBytes, 0, before);
    }

    private static void AllocatesNothing(Action use)
    {
        use();
        long native = CodecMemory.OutstandingBytes;
        Assert.Equal(0, LeastAllocated(use));

        // Less when a context of a thread that has ended was finalized meanwhile.
        Assert.InRange(CodecMemory.OutstandingBytes, 1, native);
    }

    private static long LeastAllocated(Action use) => Allocations.Least(use, Uses);

    /// <summary>Until the contexts are down to so much, or it is given up. A watchdog, no measure of speed.</summary>
    private static void Collect(long goal, int rounds)
    {
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < rounds && CodecMemory.OutstandingBytes > goal && clock.Elapsed < s_hung; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static void OnThreadOfItsOwn(Action action)
    {
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                thrown = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(thrown);
    }

    /// <summary>A page, its encoding, and what that decodes to.</summary>
    private sealed class Buffers : IDisposable
    {
        private readonly int _length;
        private readonly int _level;
        private readonly byte* _page;
        private readonly byte* _encoded;
        private readonly byte* _decoded;

        public Buffers(int length, int level)
        {
            _length = length;
            _level = level;
            _page = (byte*)NativeMemory.Alloc((nuint)length);
            _encoded = (byte*)NativeMemory.Alloc((nuint)length);
            _decoded = (byte*)NativeMemory.Alloc((nuint)length);
            Content.Write<byte>(ContentKind.Text, 1, new Span<byte>(_page, length));
        }

        public void Use()
        {
            int encoded = ZstdCodec.TryEncode(_page, _length, _encoded, _length, _level);
            if (encoded < 0 || !ZstdCodec.TryDecode(_encoded, encoded, _decoded, _length))
                Assert.Fail("It does not encode and decode.");

            // Refused, which leaves a frame unfinished.
            if (ZstdCodec.TryEncode(_page, _length, _encoded, encoded - 1, _level) >= 0)
                Assert.Fail("It kept to no limit.");
        }

        public void Dispose()
        {
            NativeMemory.Free(_page);
            NativeMemory.Free(_encoded);
            NativeMemory.Free(_decoded);
        }
    }
}
