using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using Paging.Interop;
using Paging.Swap.Devices;
using Paging.Tests.Protocol;

namespace Paging.Tests.Swap.Devices;

/// <summary>The umask is the whole process's.</summary>
[Collection(Alone.Name)]
[SupportedOSPlatform("linux")]
public sealed class SwapFileModeTests
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
