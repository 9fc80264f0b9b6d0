using Paging.Interop;
using Paging.Stress.Driver;
using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Files that are mapped, as devices: past the page cache and through it, on the calling thread and by an engine, up to an end that is in
/// the middle of a block.</summary>
public sealed unsafe class DirectSourceFileTests : IDisposable
{
    private const int Block = 4096;
    private const int Length = (5 * Block) + 123;

    private readonly TemporaryDirectory _directory = new();
    private readonly IoEngine _engine = IoEngine.Create(IoEngineKind.Auto);
    private readonly byte[] _bytes = new byte[Length];

    public DirectSourceFileTests()
    {
        Content.Write(ContentKind.Noise, 3, _bytes.AsSpan());
        File.WriteAllBytes(Name, _bytes);
    }

    private string Name => _directory.In("source");

    public void Dispose()
    {
        _engine.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_blocks_are_read_up_to_the_end(bool bypass)
    {
        using DirectSourceFile file = DirectSourceFile.Open(Name, _engine, bypass);
        Assert.Equal((Length, Length, Name), (file.Bytes, file.BytesNow, file.Path));
        Assert.True(bypass || !file.IsDirect);
        using var memory = new AlignedMemory(8 * Block);
        for (int first = 0; first < 6; first++)
        {
            for (int count = 1; first + count <= 6; count++)
            {
                int wanted = Math.Min(count * Block, Length - (first * Block));
                new Span<byte>(memory.Address, 8 * Block).Fill(0xEE);
                Assert.Equal(0, file.Read(first * Block, memory.Address, count * Block, wanted));
                Assert.True(new Span<byte>(memory.Address, wanted).SequenceEqual(_bytes.AsSpan(first * Block, wanted)));
                if (file.IsDirect)
                {
                    var request =
                        new AwaitedRequest { Operation = IoOperation.Read, Offset = first * Block, Buffer = memory.Address, Length = count * Block };
                    new Span<byte>(memory.Address, 8 * Block).Fill(0xEE);
                    request.Begin();
                    file.Submit(request, wanted);
                    request.Wait();
                    Assert.Equal(0, request.Error);
                    Assert.True(new Span<byte>(memory.Address, wanted).SequenceEqual(_bytes.AsSpan(first * Block, wanted)));
                }
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_that_has_less_than_is_wanted_is_an_error(bool bypass)
    {
        using DirectSourceFile file = DirectSourceFile.Open(Name, _engine, bypass);
        using var memory = new AlignedMemory(8 * Block);
        foreach (int now in (int[])[(5 * Block) + 122, 5 * Block, (4 * Block) + 1, 4 * Block, Block, 0])
        {
            using (FileStream writer = File.OpenWrite(Name))
                writer.SetLength(now);
            Assert.Equal(now, file.BytesNow);
            Assert.Equal(Errno.EIO, file.Read(4 * Block, memory.Address, 2 * Block, Length - (4 * Block)));
            if (now > 4 * Block)
                Assert.Equal(0, file.Read(4 * Block, memory.Address, 2 * Block, now - (4 * Block)));
            if (file.IsDirect)
            {
                var request = new AwaitedRequest { Operation = IoOperation.Read, Offset = 4 * Block, Buffer = memory.Address, Length = 2 * Block };
                request.Begin();
                file.Submit(request, Length - (4 * Block));
                request.Wait();
                Assert.Equal(Errno.EIO, request.Error);
            }
        }
    }

    [Fact]
    public void A_closed_file_reads_nothing()
    {
        DirectSourceFile file = DirectSourceFile.Open(Name, _engine);
        file.Dispose();
        using var memory = new AlignedMemory(Block);
        Assert.Equal(Errno.EBADF, file.Read(0, memory.Address, Block, Block));
        Assert.Equal(-1, file.BytesNow);
        file.Dispose();
    }

    [Fact]
    public void A_shared_file_is_closed_by_its_last_user()
    {
        var file = new MemorySource(new byte[1]);
        var shared = new SharedSource(file);
        Assert.True(shared.TryAddUser());
        shared.RemoveUser();
        Assert.Equal(0, file.Closed);
        shared.RemoveUser();
        Assert.Equal(1, file.Closed);
        Assert.False(shared.TryAddUser());
    }
}
