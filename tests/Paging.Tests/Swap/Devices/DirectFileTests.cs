using Paging.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;

namespace Paging.Tests.Swap.Devices;

/// <summary>Swap files on the file system of the temporary directory, with and without what it can do.</summary>
public sealed unsafe class DirectFileTests
{
    private const int FileBytes = 1 << 20;

    public static TheoryData<int> Abilities() => [.. Enumerable.Range(0, (int)FileAbilities.All + 1)];

    [Theory]
    [MemberData(nameof(Abilities))]
    public void What_is_written_is_read_back_and_the_directory_stays_empty(int abilities)
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = new ThreadEngine(2);
        foreach (string path in (string[])[directory.Path, directory.In("swap")])
        {
            using var file = DirectFile.Open(path, FileBytes, engine, (FileAbilities)abilities);
            directory.AssertEmpty();
            Assert.Equal((path, (long)FileBytes, 4096), (file.Path, file.Bytes, file.BlockBytes));
            using var written = new AlignedMemory(16384);
            using var read = new AlignedMemory(16384);
            new Random(1).NextBytes(written.Span);
            Assert.Equal(0, file.Write(FileBytes - 16384, written.Address, 16384, stamp: 1));
            Assert.Equal(0, file.Read(FileBytes - 16384, read.Address, 16384, stamp: 1));
            Assert.True(written.Span.SequenceEqual(read.Span));

            // A length that is no multiple of the block: the rest of the block is arbitrary, the next block is not touched.
            written.Span.Fill(7);
            Assert.Equal(0, file.Write(FileBytes - 16384, written.Address, 4097, stamp: 2));
            Assert.Equal(0, file.Read(FileBytes - 16384, read.Address, 8192, stamp: 2));
            Assert.False(read.Span[..4097].ContainsAnyExcept((byte)7));
            read.Span.Clear();
            var request = new AwaitedRequest { Operation = IoOperation.Write, Buffer = written.Address, Length = 8192 };
            request.Begin();
            file.Submit(request);
            request.Wait();
            Assert.Equal(0, request.Error);
            request.Operation = IoOperation.Read;
            request.Buffer = read.Address;
            request.Begin();
            file.Submit(request);
            request.Wait();
            Assert.Equal(0, request.Error);
            Assert.False(read.Span[..8192].ContainsAnyExcept((byte)7));
        }
    }
}
