using System.Globalization;
using System.Runtime.InteropServices;
using Paging.Tests.Files;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>Signals that interrupt system calls, at threads that page and at those of the library, while swap files come and go.</summary>
[Collection(Alone.Name)]
public sealed partial class SignalTests
{
    // Of the real-time ones, which nobody else uses here.
    private const int Signal = 44;
    private const int MostSignals = 4000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Signals_cut_no_transfer_short(bool encrypt)
    {
        const int Workers = 4;
        const int Rounds = 6;
        Handle();
        using var pager = new Pager(Held.Options(backgroundThreads: 1, Held.File(encrypt: encrypt)));
        Held[] helds = [.. Enumerable.Range(0, Workers).Select(_ => new Held(200, pager))];
        int left = Workers;
        Task[] workers = [.. helds.Select(held => Task.Factory.StartNew(() =>
        {
            try
            {
                for (int round = 0; round < Rounds; round++)
                {
                    held.Fill();
                    held.VerifyAll();
                }
            }
            finally
            {
                Interlocked.Decrement(ref left);
            }
        }, TaskCreationOptions.LongRunning))];
        int sent = 0;
        while (Volatile.Read(ref left) != 0)
        {
            SwapFile file = pager.AddSwapFile(Held.File(encrypt: encrypt));
            for (int i = 0; i < 10 && sent < MostSignals; i++)
                sent += SendToAll();
            await pager.RemoveSwapFileAsync(file, TestContext.Current.CancellationToken);
        }

        await Task.WhenAll(workers);
        Assert.NotEqual(0, sent);
        Assert.Equal(0, pager.GetStatistics().IoErrors);
        Assert.All(helds, held => held.VerifyAll());
    }

    /// <summary>One to each thread of the process that is the library's, or a worker of a test.</summary>
    private static int SendToAll()
    {
        int sent = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            string name;
            try
            {
                name = File.ReadAllText(Path.Combine(task, "comm"));
            }
            catch (IOException)
            {
                continue;
            }

            if (name.StartsWith("Paging ", StringComparison.Ordinal) || name.StartsWith(".NET Long", StringComparison.Ordinal))
                sent += SendTo(Environment.ProcessId, int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), Signal) == 0 ? 1 : 0;
        }

        return sent;
    }

    /// <summary>A handler that does nothing, and does not have system calls started again.</summary>
    private static unsafe void Handle()
    {
        // Any function of one number that touches nothing.
        nint libc = NativeLibrary.Load("libc.so.6");
        Action action = default;
        action.Handler = NativeLibrary.GetExport(libc, "abs");
        Assert.Equal(0, SetAction(Signal, &action, null));
    }

    [LibraryImport("libc", EntryPoint = "sigaction")]
    private static unsafe partial int SetAction(int signal, Action* action, Action* before);

    [LibraryImport("libc", EntryPoint = "tgkill")]
    private static partial int SendTo(int process, int thread, int signal);

    /// <summary>As the C library has it on Linux x64 and Arm64.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Action
    {
        internal nint Handler;
        internal fixed ulong Mask[16];
        internal int Flags;
        internal nint Restorer;
    }
}
