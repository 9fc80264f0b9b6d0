using System.Runtime.InteropServices;
using Paging.Interop;
using Paging.Tests.Face;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Datasets;

/// <summary>Datasets are saved, and replaced, where renaming knows no flags: on file systems that have none, and in sandboxes that let no
/// such call pass.</summary>
/// <remarks>A filter of system calls cannot be taken off. So the child, which is this very program, told to run <see cref="Child"/> alone,
/// puts it on. Of several filters that answer, the last one put on does.</remarks>
public sealed partial class RefusedRenamesTests
{
    private const string DirectoryVariable = "PAGING_RENAME_DIRECTORY";
    private const string NoFilter = "no filter of system calls can be put on";
    private const int Length = 50_000;

    private const int NoNewPrivileges = 38;
    private const int SetFilter = 22;
    private const int FilterMode = 2;
    private const uint Allowed = 0x7fff0000;
    private const uint Refused = 0x00050000;

    [Fact]
    public async Task A_dataset_is_saved_and_replaced_without_flags()
    {
        using var directory = new TemporaryDirectory();
        (int exitCode, string output) = await OwnProcess.Run(typeof(RefusedRenamesTests), (DirectoryVariable, directory.Path));
        Assert.SkipWhen(output.Contains(NoFilter, StringComparison.Ordinal), "The system allows no filters of system calls.");
        Assert.True(exitCode == 0, output);
    }

    [Fact(Explicit = true)]
    public void Child()
    {
        string? directory = Environment.GetEnvironmentVariable(DirectoryVariable);
        Assert.SkipWhen(directory is null, "The child of another test.");
        string name = Path.Combine(directory, "data");
        using var pager = new Pager();
        foreach (int error in (int[])[Errno.EINVAL, Errno.EOPNOTSUPP, Errno.EPERM, Errno.ENOSYS])
        {
            if (!TryRefuseRenames(error))
            {
                Console.Out.WriteLine(NoFilter);
                return;
            }

            for (int version = 1; version <= 2; version++)
            {
                int[] contents = [.. Enumerable.Range(0, Length).Select(i => (i * version) ^ error)];
                using PagedArray<int> array = pager.From<int>(contents);
                array.Save(
                    name,
                    new DatasetOptions { Overwrite = version > 1, ShardBytes = 50_000 },
                    cancellationToken: TestContext.Current.CancellationToken);
                using PagedArray<int> opened = pager.Open<int>(name);
                int[] seen = new int[opened.Length];
                opened.CopyTo(0, seen);
                Assert.True(seen.AsSpan().SequenceEqual(contents), $"errno {error}: version {version} is another");
                Assert.Equal([name], Directory.GetFileSystemEntries(directory));
                if (version == 1)
                {
                    // A name that is taken stays what it is.
                    Assert.Throws<IOException>(() => array.Save(name, cancellationToken: TestContext.Current.CancellationToken));
                }
            }

            Directory.Delete(name, recursive: true);
        }
    }

    /// <summary>From now on, this thread and those that it starts are refused renameat2.</summary>
    private static unsafe bool TryRefuseRenames(int error)
    {
        uint number = RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? 276u : 316u;
        Instruction* filter = stackalloc Instruction[]
        {
            // The call's number; if it is this one, the error, else the call.
            new Instruction(0x20, 0, 0, 0),
            new Instruction(0x15, 0, 1, number),
            new Instruction(0x06, 0, 0, Refused | (uint)error),
            new Instruction(0x06, 0, 0, Allowed),
        };
        Program program = new() { Length = 4, Filter = filter };
        return Control(NoNewPrivileges, 1, 0, 0, 0) == 0 && Control(SetFilter, FilterMode, (nint)(&program), 0, 0) == 0;
    }

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nint a, nint b, nint c, nint d);

    /// <summary>struct sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Instruction(ushort code, byte whenTrue, byte whenFalse, uint operand)
    {
        private readonly ushort _code = code;
        private readonly byte _whenTrue = whenTrue;
        private readonly byte _whenFalse = whenFalse;
        private readonly uint _operand = operand;
    }

    /// <summary>struct sock_fprog.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Program
    {
        internal ushort Length;
        internal Instruction* Filter;
    }
}
