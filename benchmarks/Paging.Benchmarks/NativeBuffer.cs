using System.Runtime.InteropServices;

namespace Paging.Benchmarks;

/// <summary>Zeroed native memory for the other side of a comparison, and for its input.</summary>
/// <remarks>It is aligned to huge pages and advised to use them, as the library's own memory is: on 4 KiB pages a good part of
/// the cost is TLB misses, and a limit that suffers more of them than we do would flatter us.</remarks>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    private const int HugePageBytes = 2 << 20;
    private const int AdviseHugePage = 14; // MADV_HUGEPAGE

    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        nuint reserved = ((nuint)length + HugePageBytes - 1) & ~(nuint)(HugePageBytes - 1);
        Pointer = (byte*)NativeMemory.AlignedAlloc(reserved, HugePageBytes);
        Length = length;
        if (OperatingSystem.IsLinux())
        {
            _ = Advise(Pointer, reserved, AdviseHugePage); // advice: refused is as good as not heard
        }

        NativeMemory.Clear(Pointer, reserved); // so that no first touch falls into a timed part
    }

    ~NativeBuffer() => Free();

    public byte* Pointer { get; private set; }

    public long Length { get; }

    public Span<T> Span<T>(long byteOffset, int length)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteOffset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(byteOffset + ((long)length * sizeof(T)), Length);
        return new Span<T>(Pointer + byteOffset, length);
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(Pointer);
        Pointer = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
