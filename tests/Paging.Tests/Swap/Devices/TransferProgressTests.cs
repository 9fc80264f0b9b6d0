using Paging.Interop;
using Paging.Swap.Devices;

namespace Paging.Tests.Swap.Devices;

/// <summary>What is made of the answers of system calls that do less than they were asked.</summary>
public sealed class TransferProgressTests
{
    [Fact]
    public void A_short_transfer_goes_on_at_the_next_block()
    {
        var progress = new TransferProgress(16384);
        Assert.False(progress.Advance(8192, out _));
        Assert.Equal((8192, 8192), (progress.Done, progress.Remaining));
        Assert.False(progress.Advance(5000, out _));
        Assert.Equal((12288, 4096), (progress.Done, progress.Remaining));
        Assert.True(progress.Advance(4096, out int error));
        Assert.Equal((0, 0), (error, progress.Remaining));
    }

    [Fact]
    public void An_interrupted_call_is_made_again()
    {
        var progress = new TransferProgress(4096);
        Assert.False(progress.Advance(-Errno.EINTR, out _));
        Assert.Equal(4096, progress.Remaining);
        Assert.True(progress.Advance(4096, out int error));
        Assert.Equal(0, error);
    }

    [Fact]
    public void Less_than_a_block_is_tried_again_once_and_nothing_never()
    {
        var progress = new TransferProgress(8192);
        Assert.False(progress.Advance(100, out _));
        Assert.False(progress.Advance(4096, out _));
        Assert.False(progress.Advance(100, out _));
        Assert.True(progress.Advance(100, out int error));
        Assert.Equal(Errno.EIO, error);

        progress = new TransferProgress(8192);
        Assert.True(progress.Advance(0, out error));
        Assert.Equal(Errno.EIO, error);
    }

    [Fact]
    public void An_error_ends_the_transfer()
    {
        var progress = new TransferProgress(8192);
        Assert.False(progress.Advance(4096, out _));
        Assert.True(progress.Advance(-Errno.ENOSPC, out int error));
        Assert.Equal(Errno.ENOSPC, error);
    }
}
