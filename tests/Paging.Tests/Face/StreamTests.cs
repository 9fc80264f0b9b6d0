using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;
using Paging.Tests.Files;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>An array as a stream: beside a stream over an array of bytes, as users read and write streams, and what it refuses.</summary>
public sealed class StreamTests
{
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct Twelve
    {
        public long First;
        public int Second;
    }

    [InlineArray(3)]
    private struct TwentyFour
    {
        private long _first;
    }

    private enum Act
    {
        Read,
        ReadByte,
        ReadAsync,
        Write,
        WriteByte,
        WriteAsync,
        Seek,
        CopyTo,
        CopyToAsync,
        PageOut,
        Discard,
    }

    /// <param name="Act">What is done.</param>
    /// <param name="Position">In 1024ths of a little more than the length.</param>
    /// <param name="Count">Bytes.</param>
    /// <param name="Salt">Of what is written.</param>
    private readonly record struct Op(Act Act, int Position, int Count, int Salt);

    [Theory]
    [InlineData(typeof(byte))]
    [InlineData(typeof(int))]
    [InlineData(typeof(Twelve))]
    [InlineData(typeof(TwentyFour))]
    public void A_stream_does_what_a_stream_over_plain_memory_does(Type element)
    {
        Gen<Op> op =
            from act in Gen.Elements(Enum.GetValues<Act>())
            from position in Gen.Choose(0, 1100)
            from count in Gen.Frequency((1, Gen.Constant(0)), (4, Gen.Choose(1, 40)), (4, Gen.Choose(41, 10_000)))
            from salt in Gen.Choose(1, int.MaxValue)
            select new Op(act, position, count, salt);
        Gen<(int Length, Op[] Ops)> cases =
            from length in Gen.Choose(1, 9_000)
            from ops in Gen.Sized(size => Gen.ArrayOf(op, 20 + size))
            select (length, ops);
        Action<int, Op[]> run = (Action<int, Op[]>)Delegate.CreateDelegate(
            typeof(Action<int, Op[]>),
            typeof(StreamTests).GetMethod(nameof(Run), System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!
                .MakeGenericMethod(element));
        Seeded.Check(25, cases, one => Seeded.Shrink(one.Ops, static _ => []).Select(ops => (one.Length, ops)), one => run(one.Length, one.Ops));
    }

    [Fact]
    public void Text_records_and_archives_are_read_and_written_through_it()
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<Twelve> array = pager.Allocate<Twelve>(40_000);
        string[] lines = [.. Enumerable.Range(0, 4_000).Select(static i => $"line {i} of a text, with ünïcode")];
        using (Stream stream = array.AsStream(writable: true))
        {
            using var writer = new StreamWriter(stream, Encoding.UTF8, bufferSize: 4096, leaveOpen: true);
            Array.ForEach(lines, writer.WriteLine);
        }

        Internals.PageOutAll(Internals.Domain(pager));
        using (var reader = new StreamReader(array.AsStream()))
        {
            foreach (string line in lines)
                Assert.Equal(line, reader.ReadLine());
        }

        using (var writer = new BinaryWriter(array.AsStream(writable: true)))
        {
            for (int i = 0; i < 30_000; i++)
                writer.Write((i * 1e10) + 0.5);
        }

        using (var reader = new BinaryReader(array.AsStream()))
        {
            for (int i = 0; i < 30_000; i++)
                Assert.Equal((i * 1e10) + 0.5, reader.ReadDouble());
        }

        array.Discard(0, array.Length);
        long end;
        byte[] noise = new byte[100_000];
        Content.Write<byte>(ContentKind.Noise, 1, noise);
        using (Stream stream = array.AsStream(writable: true))
        {
            using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            {
                using (Stream entry = archive.CreateEntry("noise").Open())
                    entry.Write(noise);
                using (var entry = new StreamWriter(archive.CreateEntry("lines").Open()))
                    Array.ForEach(lines, entry.WriteLine);
            }

            end = stream.Position;
        }

        // An archive ends with its directory. What comes behind is zeroes, which an archive may not have: so it is cut off.
        using var all = new MemoryStream();
        using (Stream stream = array.AsStream())
            stream.CopyTo(all);
        Assert.Equal(array.Length * 12, all.Length);
        all.SetLength(end);
        using PagedArray<byte> exact = pager.From<byte>(all.ToArray());
        using var read = new ZipArchive(exact.AsStream());
        using (Stream entry = read.GetEntry("noise")!.Open())
        {
            byte[] seen = new byte[noise.Length];
            entry.ReadExactly(seen);
            Assert.Equal(noise, seen);
            Assert.Equal(-1, entry.ReadByte());
        }
    }

    [Fact]
    public async Task Pages_in_a_file_are_copied_without_a_buffer_and_without_blocking()
    {
        using Held held = new Held(900, backgroundThreads: 1, Held.File()).Fill().PageOut();
        using var all = new MemoryStream();
        using (Stream stream = held.Array.AsStream())
        {
            stream.Position = 13;
            await stream.CopyToAsync(all, TestContext.Current.CancellationToken);
            Assert.Equal(stream.Length, stream.Position);
        }

        long[] expected = new long[held.Array.Length];
        held.Array.CopyTo(0, expected);
        Assert.True(MemoryMarshal.AsBytes(expected.AsSpan())[13..].SequenceEqual(all.ToArray()), "The copy holds something else.");
        using PagedArray<long> other = held.Pager.Allocate<long>(1 << 16);
        using (Stream stream = held.Array.AsStream())
        {
            stream.Seek(-(1 << 19), SeekOrigin.End);
            stream.CopyTo(other.AsStream(writable: true));
        }

        Assert.Equal(expected[^1], other[other.Length - 1]);
        Assert.Equal(0, held.Statistics.Pins);
    }

    [Fact]
    public void What_lies_beyond_the_end_is_not_written_and_not_there_to_be_read()
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Allocate<int>(1_500);
        using Stream stream = array.AsStream(writable: true);
        Assert.Equal((6_000, 0), (stream.Length, stream.Position));
        stream.Position = 5_998;
        var refused = Assert.Throws<NotSupportedException>(() => stream.Write([1, 2, 3]));
        Assert.Contains("6,000", refused.Message, StringComparison.Ordinal);
        Assert.Equal((5_998, 0), (stream.Position, array[array.Length - 1]));
        stream.Write([1, 2]);
        Assert.Equal((6_000, 0x0201_0000), (stream.Position, array[array.Length - 1]));
        Assert.Throws<NotSupportedException>(() => stream.WriteByte(1));
        Assert.Throws<NotSupportedException>(() => stream.SetLength(5));
        Assert.Equal((-1, 0), (stream.ReadByte(), stream.Read(new byte[5])));
        stream.Position = long.MaxValue;
        Assert.Equal((0, -1), (stream.Read(new byte[5]), stream.ReadByte()));
        stream.Write([]);
        Assert.Throws<NotSupportedException>(() => stream.Write([1]));
        stream.CopyTo(Stream.Null);
    }

    [Fact]
    public void Bad_seeks_are_refused_and_leave_the_position()
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Allocate<int>(1_500);
        using Stream stream = array.AsStream();
        Assert.Equal(5_999, stream.Seek(-1, SeekOrigin.End));
        Assert.Throws<IOException>(() => stream.Seek(-6_001, SeekOrigin.End));
        Assert.Throws<IOException>(() => stream.Seek(-6_000, SeekOrigin.Current));
        Assert.Throws<IOException>(() => stream.Seek(long.MinValue, SeekOrigin.Begin));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Seek(long.MaxValue, SeekOrigin.Current));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Position = -1);
        Assert.Throws<ArgumentException>(() => stream.Seek(0, (SeekOrigin)3));
        Assert.Equal(5_999, stream.Position);
        Assert.Equal(7_000, stream.Seek(7_000, SeekOrigin.Begin));
    }

    [Fact]
    public async Task A_stream_for_reading_is_not_written_and_a_cancelled_call_does_nothing()
    {
        using var pager = new Pager(Held.Options());
        using PagedArray<int> array = pager.Allocate<int>(1_500);
        using Stream stream = array.AsStream();
        Assert.Equal((true, true, false), (stream.CanRead, stream.CanSeek, stream.CanWrite));
        Assert.Throws<NotSupportedException>(() => stream.Write([1]));
        Assert.Throws<NotSupportedException>(() => stream.WriteByte(1));
        await Assert.ThrowsAsync<NotSupportedException>(() => stream.WriteAsync(new byte[1], TestContext.Current.CancellationToken).AsTask());
        var cancelled = new CancellationToken(canceled: true);
        Assert.True(stream.ReadAsync(new byte[5], cancelled).AsTask().IsCanceled);
        Assert.True(stream.ReadAsync(new byte[5], 0, 5, cancelled).IsCanceled);
        Assert.True(stream.CopyToAsync(Stream.Null, 10, cancelled).IsCanceled);
        Assert.True(stream.FlushAsync(cancelled).IsCanceled);
        Assert.Equal(0, stream.Position);
        using Stream writable = array.AsStream(writable: true);
        Assert.True(writable.WriteAsync(new byte[5], cancelled).AsTask().IsCanceled);
        Assert.True(writable.WriteAsync(new byte[5], 0, 5, cancelled).IsCanceled);
        Assert.Equal(0, writable.Position);
        await writable.FlushAsync(TestContext.Current.CancellationToken);
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Read(new byte[5], 3, 3));
        Assert.Throws<ArgumentNullException>(() => stream.Read(null!, 0, 0));
    }

    [Fact]
    public void A_disposed_stream_leaves_the_array_alone_and_a_disposed_array_ends_its_streams()
    {
        using var pager = new Pager(Held.Options());
        PagedArray<int> array = pager.Allocate<int>(1_500);
        Stream stream = array.AsStream(writable: true);
        stream.Dispose();
        stream.Dispose();
        Assert.Equal((false, false, false), (stream.CanRead, stream.CanSeek, stream.CanWrite));
        AssertDisposed(stream);
        array[3] = 5;
        Stream open = array.AsStream(writable: true);
        array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => open.Read(new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => open.Read([]));
        Assert.Throws<ObjectDisposedException>(() => open.Write([1]));
        Assert.Throws<ObjectDisposedException>(() => open.CopyTo(Stream.Null));
        Assert.Throws<ObjectDisposedException>(() => array.AsStream());

        static void AssertDisposed(Stream stream)
        {
            Assert.Throws<ObjectDisposedException>(() => stream.Length);
            Assert.Throws<ObjectDisposedException>(() => stream.Position);
            Assert.Throws<ObjectDisposedException>(() => stream.Position = 0);
            Assert.Throws<ObjectDisposedException>(() => stream.Seek(0, SeekOrigin.Begin));
            Assert.Throws<ObjectDisposedException>(() => stream.Read(new byte[1]));
            Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
            Assert.Throws<ObjectDisposedException>(() => stream.Write([1]));
            Assert.Throws<ObjectDisposedException>(() => stream.Flush());
            Assert.Throws<ObjectDisposedException>(() => stream.SetLength(1));
            Assert.Throws<ObjectDisposedException>(() => stream.CopyTo(Stream.Null));
        }
    }

    private static void Run<T>(int length, Op[] ops)
        where T : unmanaged
    {
        using var pager = new Pager(Held.Options() with { PoolBytes = 2 << 20 });
        using PagedArray<T> array = pager.Allocate<T>(length);
        byte[] model = new byte[length * Unsafe.SizeOf<T>()];
        using Stream expected = new MemoryStream(model);
        using Stream stream = array.AsStream(writable: true);
        foreach (Op op in ops)
        {
            Apply(op, array, model, expected, stream, pager);
            Assert.Equal(expected.Position, stream.Position);
            Assert.Equal(expected.Length, stream.Length);
        }

        var elements = new T[length];
        array.CopyTo(0, elements);
        Assert.True(MemoryMarshal.AsBytes(elements.AsSpan()).SequenceEqual(model), "The array holds something else.");
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    private static void Apply<T>(Op op, PagedArray<T> array, byte[] model, Stream expected, Stream stream, Pager pager)
        where T : unmanaged
    {
        byte[] bytes = new byte[op.Count];
        byte[] seen = new byte[op.Count];
        switch (op.Act)
        {
            case Act.Read:
                Assert.Equal(expected.Read(bytes, 0, bytes.Length), stream.Read(seen, 0, seen.Length));
                Assert.Equal(bytes, seen);
                break;
            case Act.ReadByte:
                Assert.Equal(expected.ReadByte(), stream.ReadByte());
                break;
            case Act.ReadAsync:
                Task<int> read = stream.ReadAsync(seen).AsTask();
                Assert.True(read.IsCompletedSuccessfully);
                Assert.Equal(expected.Read(bytes), read.Result);
                Assert.Equal(bytes, seen);
                break;
            case Act.Seek:
                long to = op.Position * expected.Length / 1024;
                Assert.Equal(expected.Seek(to, SeekOrigin.Begin), stream.Seek(to - stream.Position, SeekOrigin.Current));
                break;
            case Act.CopyTo or Act.CopyToAsync:
                using (var one = new MemoryStream())
                using (var other = new MemoryStream())
                {
                    expected.CopyTo(one);
                    if (op.Act == Act.CopyTo)
                        stream.CopyTo(other);
                    else
                        stream.CopyToAsync(other).GetAwaiter().GetResult();
                    Assert.Equal(one.ToArray(), other.ToArray());
                }

                break;
            case Act.PageOut:
                Internals.PageOutAll(Internals.Domain(pager));
                break;
            case Act.Discard:
                long start = Math.Min(array.Length - 1, op.Position * array.Length / 1024);
                int count = (int)Math.Min(array.Length - start, op.Count);
                array.Discard(start, count);
                model.AsSpan((int)start * Unsafe.SizeOf<T>(), count * Unsafe.SizeOf<T>()).Clear();
                break;
            default:
                Content.Write<byte>(ContentKind.Noise, (ulong)op.Salt, bytes);
                Write(op.Act, bytes, expected, stream);
                break;
        }
    }

    private static void Write(Act act, byte[] bytes, Stream expected, Stream stream)
    {
        byte[] written = act == Act.WriteByte ? [1] : bytes;
        if (written.Length > 0 && expected.Position + written.Length > expected.Length)
        {
            Assert.Throws<NotSupportedException>(() => stream.Write(written));
            return;
        }

        if (written.Length > 0)
            expected.Write(written);
        switch (act)
        {
            case Act.WriteByte:
                stream.WriteByte(1);
                break;
            case Act.WriteAsync:
                Assert.True(stream.WriteAsync(written).AsTask().IsCompletedSuccessfully);
                break;
            default:
                stream.Write(written, 0, written.Length);
                break;
        }
    }
}
