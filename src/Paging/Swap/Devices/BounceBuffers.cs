using System.Diagnostics;
using Paging.Diagnostics;
using Paging.Interop;
using Paging.Memory;

namespace Paging.Swap.Devices;

/// <summary>A fixed number of aligned native buffers for transfers whose bytes cannot go where they belong at once.</summary>
/// <remarks>Thread-safe. The last one given back is the next one taken, so that physical memory is touched only for as many as have been out
/// at the same time. Excluded from fork, as O_DIRECT wants it.</remarks>
internal sealed unsafe class BounceBuffers : IDisposable
{
    private readonly Reservation _memory;
    private readonly Condition _returned = new();

    // Under the lock: the numbers of the free buffers, a stack, and which were ever out.
    private readonly int[] _free;
    private int _freeCount;
    private int _touched;
    private bool _disposed;

    /// <param name="count">How many there are.</param>
    /// <param name="bufferBytes">A multiple of the system's page.</param>
    internal BounceBuffers(int count, int bufferBytes)
    {
        Debug.Assert(count > 0 && bufferBytes > 0 && bufferBytes % VirtualMemory.SystemPageBytes == 0, "whole pages");
        BufferBytes = bufferBytes;
        _free = new int[count];
        for (int i = count - 1; i >= 0; i--)
        {
            _free[_freeCount++] = i;
        }

        _memory = new Reservation((long)count * bufferBytes, accessible: true);
        // A huge page would be touched as a whole.
        _memory.Advise(0, _memory.Bytes, huge: false);
        _ = VirtualMemory.ExcludeFromFork(_memory.Address, (nuint)_memory.Bytes);
    }

    internal int Count => _free.Length;

    internal int BufferBytes { get; }

    /// <summary>Where buffer number 0 starts; the others follow.</summary>
    internal byte* Address => _memory.Address;

    /// <summary>Memory of the buffers that have been out: at most <see cref="Count"/> times <see cref="BufferBytes"/>.</summary>
    internal long TotalBytes => (long)Volatile.Read(ref _touched) * BufferBytes;

    /// <summary>Blocks while all are out: whoever has one must not wait for another.</summary>
    internal byte* Rent()
    {
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        Debug.Assert(!_disposed, "the buffers are in use");
        while (_freeCount == 0)
        {
            _returned.Wait(ref interrupted);
        }

        byte* buffer = Take();
        _returned.Exit(interrupted);
        return buffer;
    }

    /// <returns>Null when all are out.</returns>
    internal byte* TryRent()
    {
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        byte* buffer = _freeCount == 0 ? null : Take();
        _returned.Exit(interrupted);
        return buffer;
    }

    internal void Return(byte* buffer)
    {
        int number = IndexOf(buffer);
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        Debug.Assert(_free.AsSpan(0, _freeCount).IndexOf(number) < 0, "a buffer is returned once");
        _free[_freeCount++] = number;
        _returned.Pulse();
        _returned.Exit(interrupted);
    }

    /// <summary>From 0 to <see cref="Count"/> − 1, for what belongs to a buffer and is kept elsewhere.</summary>
    internal int IndexOf(byte* buffer)
    {
        long offset = buffer - _memory.Address;
        Debug.Assert(offset >= 0 && offset % BufferBytes == 0 && offset / BufferBytes < Count, "a buffer of this pool");
        return (int)(offset / BufferBytes);
    }

    /// <summary>All have been returned, and the memory goes.</summary>
    public void Dispose()
    {
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        bool first = !_disposed;
        _disposed = true;
        Debug.Assert(_freeCount == Count, "every buffer has been returned");
        _returned.Exit(interrupted);
        if (first)
        {
            _memory.Release();
        }
    }

    private byte* Take()
    {
        int number = _free[--_freeCount];
        // The numbers start in ascending order, from the top of the stack: what was never out lies above all that were.
        _touched = Math.Max(_touched, number + 1);
        return _memory.Address + ((long)number * BufferBytes);
    }
}
