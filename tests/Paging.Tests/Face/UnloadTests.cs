using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Paging.Memory;
using Paging.Tests.Protocol;

namespace Paging.Tests.Face;

/// <summary>The library in a context that can be unloaded, and pagers that nobody disposes.</summary>
[Collection(Alone.Name)]
public sealed class UnloadTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_library_unloads(bool dispose)
    {
        WeakReference context = Use(dispose);
        Figures.AssertAtMost(0, () => context.IsAlive ? 1 : 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dropped_pagers_give_back_threads_descriptors_and_addresses(bool encrypt)
    {
        Drop(encrypt);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        int threads = Figures.Threads(), descriptors = Figures.Descriptors();
        long addresses = Reservation.OutstandingBytes;
        for (int i = 0; i < 5; i++)
            Drop(encrypt);
        Figures.AssertAtMost(threads, Figures.Threads);
        Figures.AssertAtMost(descriptors, Figures.Descriptors);
        Figures.AssertAtMost(addresses, () => Reservation.OutstandingBytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop(bool encrypt)
    {
        var pager = new Pager(Files.Held.Options(backgroundThreads: 2, Files.Held.File(encrypt: encrypt)));
        PagedArray<long> array = pager.Allocate<long>(600 * 512);
        var random = new Random(1);
        for (long i = 0; i < array.Length; i += 3)
            array[i] = random.NextInt64();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Use(bool dispose)
    {
        var context = new AssemblyLoadContext("unloaded", isCollectible: true);
        string library = typeof(Pager).Assembly.Location;
        string directory = Path.GetDirectoryName(library)!;
        context.Resolving += (to, name) =>
            File.Exists(Path.Combine(directory, name.Name + ".dll")) ? to.LoadFromAssemblyPath(Path.Combine(directory, name.Name + ".dll")) : null;
        context.LoadFromAssemblyPath(typeof(Interop.VirtualMemory).Assembly.Location);
        Assembly paging = context.LoadFromAssemblyPath(library);
        Type type = paging.GetType("Paging.Pager", throwOnError: true)!;
        Assert.NotEqual(typeof(Pager), type);
        object pager = Activator.CreateInstance(type, [null])!;
        object array = type.GetMethod(nameof(Pager.Allocate))!.MakeGenericMethod(typeof(int)).Invoke(pager, [100_000L, null])!;
        array.GetType().GetMethod(nameof(PagedArray<int>.Fill))!.Invoke(array, [0L, 100_000L, 7]);
        Assert.Equal(7, array.GetType().GetProperty("Item")!.GetValue(array, [99_999L]));
        if (dispose)
            ((IDisposable)pager).Dispose();
        context.Unload();
        return new WeakReference(context);
    }
}
