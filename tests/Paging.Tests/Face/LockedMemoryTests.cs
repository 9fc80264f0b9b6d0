using System.Globalization;
using System.Runtime.InteropServices;

namespace Paging.Tests.Face;

/// <summary>In a process that locks its memory (mlockall with MCL_FUTURE), what is reserved is not resident.</summary>
/// <remarks>The child is this very program, told to run <see cref="Child"/> alone.</remarks>
public sealed partial class LockedMemoryTests
{
    private const string ChildVariable = "PAGING_LOCKED_MEMORY";
    private const string Result = "resident bytes:";
    private const string Refused = "locking refused:";
    private const int LockAll = 1 | 2;
    private const long MiB = 1 << 20;

    [Fact]
    public async Task A_pager_in_locked_memory_takes_what_it_uses()
    {
        (_, string output) = await OwnProcess.Run(typeof(LockedMemoryTests), (ChildVariable, "1"));
        Assert.SkipWhen(
            output.Contains(Refused, StringComparison.Ordinal),
            "RLIMIT_MEMLOCK (ulimit -l) does not allow a process to lock all of its memory here.");
        long[] numbers = OwnProcess.NumbersBehind<long>(Result, output);
        (long made, long used, long held, long disposed) = (numbers[0], numbers[1], numbers[2], numbers[3]);

        // The runtime's own comes on top: code that is compiled, stacks of threads as a whole.
        Assert.InRange(made, 0, 48 * MiB);
        Assert.InRange(used, 0, held + (64 * MiB));
        Assert.InRange(disposed, 0, 64 * MiB);
    }

    [Fact(Explicit = true)]
    public void Child()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable(ChildVariable) is null, "The child of another test.");
        if (LockAllMemory(LockAll) != 0)
        {
            Console.Out.WriteLine($"{Refused} errno {Marshal.GetLastPInvokeError()}");
            return;
        }

        long before = Figures.ResidentSet();
        long made;
        long used;
        long held;
        using (var pager = new Pager(new PagerOptions { ResidentBytes = 64 * MiB, PoolBytes = 128 * MiB, BackgroundThreads = 1 }))
        {
            made = Figures.ResidentSet() - before;
            using PagedArray<long> array = pager.Allocate<long>(96 * MiB / sizeof(long));
            using PagedArray<byte> sparse = pager.Allocate<byte>(1L << 40);
            for (long i = 0; i < array.Length; i += array.PageLength)
                array[i] = i + 1;
            for (long i = 0; i < sparse.Length; i += 1L << 34)
                sparse[i] = 1;
            for (long i = 0; i < array.Length; i += array.PageLength)
                Assert.Equal(i + 1, array[i]);
            used = Figures.ResidentSet() - before;
            PagerStatistics now = pager.GetStatistics();
            held = now.ResidentBytes + now.PoolBytes + now.MetadataBytes;
        }

        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Result} {made} {used} {held} {Figures.ResidentSet() - before}"));
    }

    [LibraryImport("libc", EntryPoint = "mlockall", SetLastError = true)]
    private static partial int LockAllMemory(int flags);
}
