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
            FileInformation information = StatusOf(file);
            Assert.Equal(0u, information.Links);
            Assert.Equal(1UL << 20, information.Size);
            if (abilities.HasFlag(FileAbilities.Preallocation))
            {
                // Set aside, if the file system can; those that cannot are rare, and have no temporary directories.
                Assert.InRange(information.AllocatedSectors, (1UL << 20) / 512, ulong.MaxValue);
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
        ResourceLimit before;
        Assert.Equal(0, FileSpace.GetLimit(ResourceLimit.FileSize, &before));
        Assert.SkipWhen(before.Soft < Limit, "The process may write no large files anyhow.");
        ResourceLimit lower = new() { Soft = Limit, Hard = before.Hard };
        Assert.Equal(0, FileSpace.SetLimit(ResourceLimit.FileSize, &lower));
        try
        {
            var exception = Assert.Throws<IOException>(() => SwapFileBirth.Create(directory.Path, Limit + 4096, FileAbilities.All));
            Assert.Contains("ulimit -f", exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            Assert.Equal(0, FileSpace.SetLimit(ResourceLimit.FileSize, &before));
        }

        directory.AssertEmpty();
    }

    private static unsafe FileInformation StatusOf(SafeFileHandle file)
    {
        byte empty = 0;
        FileInformation information;
        int result = FileStatus.Get((int)file.DangerousGetHandle(), &empty, FileStatus.EmptyPath, FileStatus.BasicStatistics, &information);
        Assert.Equal(0, result);
        return information;
    }

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern uint umask(uint mask);
}
