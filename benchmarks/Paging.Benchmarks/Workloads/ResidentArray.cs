using System.Runtime.InteropServices;

namespace Paging.Benchmarks.Workloads;

/// <summary>An array that is wholly resident, and the same elements in native memory: for what a hit costs.</summary>
/// <remarks>The elements are made up, since nothing is encoded here. Both stand in memory with huge pages where the system grants
/// them; what ours reads more is page table and frame records, which is part of the price.</remarks>
internal sealed class ResidentArray<T> : IDisposable
    where T : unmanaged
{
    private readonly Pager _pager;
    private readonly NativeBuffer _native;
    private readonly int _pageBytes;
    private readonly long _faults;

    /// <param name="element">Makes an element out of random bits.</param>
    public ResidentArray(long bytes, int pageBytes, int seed, Func<int, T> element)
    {
        _pageBytes = pageBytes;
        Length = (int)(bytes / Marshal.SizeOf<T>());
        _native = new NativeBuffer(bytes);
        Random random = new(seed);
        foreach (ref T value in _native.Span<T>(0, Length))
        {
            value = element(random.Next());
        }

        _pager = new Pager(new PagerOptions
        {
            ResidentBytes = (bytes / 2 * 3) + (64L * pageBytes), // above every watermark
            PoolBytes = 64L << 20,
            PageBytes = pageBytes,
            BackgroundThreads = 0,
        });
        Array = _pager.Allocate<T>(Length);
        Array.CopyFrom(0, _native.Span<T>(0, Length));
        Verify(); // through copies, which may or may not make pages resident; leases do
        for (long i = 0; i < Length; i += Array.PageLength)
        {
            using ReadLease<T> lease = Array.Read(i);
        }

        _faults = _pager.GetStatistics().Faults;
    }

    public PagedArray<T> Array { get; }

    public int Length { get; }

    public unsafe T* Native => (T*)_native.Pointer;

    /// <summary>Faults since the array was made resident: there should be none.</summary>
    public string Note
    {
        get
        {
            long faults = _pager.GetStatistics().Faults - _faults;
            return faults == 0 ? string.Empty : $"{faults} FAULTS: not wholly resident";
        }
    }

    public Span<T> Span => _native.Span<T>(0, Length);

    public void Verify()
    {
        T[] read = new T[Length];
        Array.CopyTo(0, read);
        if (!MemoryMarshal.AsBytes(read.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(Span)))
        {
            throw new DataMismatchException(
                $"The resident array ({Length} elements, pages of {_pageBytes} bytes) reads different from its source.");
        }
    }

    public void Dispose()
    {
        Array.Dispose();
        _pager.Dispose();
        _native.Dispose();
    }
}
