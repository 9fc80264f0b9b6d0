using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap.Devices;

/// <summary>What depends on settings of the whole process: the umask, and the limit of file sizes.</summary>
[Collection(Alone.Name)]
[SupportedOSPlatform("linux")]
public sealed class SwapFileProcessTests
{
    [Theory]
    [InlineData(0u, (int)FileAbilities.All)]
    [InlineData(0u, (int)FileAbilities.None)]
    [InlineData(0x1ffu, (int)FileAbilities.All)]
    [InlineData(0x1ffu, (int)FileAbilities.None)]
    public void A_swap_file_is_its_owners_alone_and_has_no_name_whatever_the_umask(uint mask, int tried)
    {
        var abilities = (FileAbilities)tried;
        using var directory = new TemporaryDirectory();
        uint before = umask(mask);
        try
        {
            using SafeFileHandle file = SwapFileBirth.Create(directory.In("swap"), 1 << 20, abilities);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Statx information = StatusOf(file);
            Assert.Equal(0u, information.stx_nlink);
            Assert.Equal(1UL << 20, information.stx_size);
            if (abilities.HasFlag(FileAbilities.Preallocation))
            {
                // Set aside, if the file system can; those that cannot are rare, and have no temporary directories.
                Assert.InRange(information.stx_blocks, (1UL << 20) / 512, ulong.MaxValue);
            }
        }
        finally
        {
            _ = umask(before);
        }
    }

    [Fact]
    public unsafe void A_limit_of_file_sizes_is_an_exception_and_not_the_end_of_the_process()
    {
        const long Limit = 4L << 30;
        using var directory = new TemporaryDirectory();
        RLimit before;
        Assert.Equal(0, FileSpace.getrlimit(FileSpace.RLIMIT_FSIZE, &before));
        Assert.SkipWhen(before.rlim_cur < Limit, "The process may write no large files anyhow.");
        RLimit lower = new() { rlim_cur = Limit, rlim_max = before.rlim_max };
        Assert.Equal(0, FileSpace.setrlimit(FileSpace.RLIMIT_FSIZE, &lower));
        try
        {
            var exception = Assert.Throws<IOException>(() => SwapFileBirth.Create(directory.Path, Limit + 4096, FileAbilities.All));
            Assert.Contains("ulimit -f", exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            Assert.Equal(0, FileSpace.setrlimit(FileSpace.RLIMIT_FSIZE, &before));
        }

        directory.AssertEmpty();
    }

    private static unsafe Statx StatusOf(SafeFileHandle file)
    {
        byte empty = 0;
        Statx information;
        int result = FileStatus.statx((int)file.DangerousGetHandle(), &empty, FileStatus.AT_EMPTY_PATH, FileStatus.STATX_BASIC_STATS, &information);
        Assert.Equal(0, result);
        return information;
    }

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint umask(uint mask);
}
