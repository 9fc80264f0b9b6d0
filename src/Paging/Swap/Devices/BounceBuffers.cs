using System.Diagnostics;
using System.Numerics;
using Paging.Interop;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A fixed number of aligned native buffers for transfers whose bytes cannot go where they belong at once.</summary>
/// <remarks>Thread-safe. The free buffers are bits of one word, and the lowest is the next one taken, so that physical memory is touched
/// only for as many as have been out at the same time. Excluded from fork, as O_DIRECT wants it.</remarks>
internal sealed unsafe class BounceBuffers : IDisposable
{
    internal const int MaxBuffers = 64;

    private readonly Reservation _memory;
    private readonly Condition _returned = new();

    /// <summary>A set bit is a free buffer. Taken by CAS, given back by an atomic OR.</summary>
    private ulong _free;
    private int _waiters;
    private int _touched;
    private int _disposed;

    /// <param name="count">How many there are, 64 at most.</param>
    /// <param name="bufferBytes">A multiple of the system's page.</param>
    /// <param name="huge">True to put them on huge pages, as the system has them: a transfer then has few pieces to pin and to map. Their
    /// memory is taken by whole huge pages.</param>
    internal BounceBuffers(int count, int bufferBytes, bool huge = false)
    {
        Debug.Assert(count is > 0 and <= MaxBuffers && bufferBytes > 0 && bufferBytes % VirtualMemory.SystemPageBytes == 0, "whole pages");
        Count = count;
        BufferBytes = bufferBytes;
        _free = ulong.MaxValue >> (MaxBuffers - count);
        long bytes = (long)count * bufferBytes;
        _memory = new Reservation(
            huge ? (bytes + Reservation.HugePageBytes - 1) / Reservation.HugePageBytes * Reservation.HugePageBytes : bytes, accessible: true);
        _memory.Advise(0, _memory.Bytes, huge);
        _ = VirtualMemory.ExcludeFromFork(_memory.Address, (nuint)_memory.Bytes);
    }

    internal int Count { get; }

    internal int BufferBytes { get; }

    /// <summary>Where buffer number 0 starts; the others follow.</summary>
    internal byte* Address => _memory.Address;

    /// <summary>Memory of the buffers that have been out: at most <see cref="Count"/> times <see cref="BufferBytes"/>.</summary>
    internal long TotalBytes => (long)Volatile.Read(ref _touched) * BufferBytes;

    /// <summary>Blocks while all are out: whoever has one must not wait for another.</summary>
    internal byte* Rent()
    {
        byte* buffer = TryRent();
        return buffer != null ? buffer : RentSlow();
    }

    /// <summary>As <see cref="Rent()"/>; the end of the scope returns the buffer.</summary>
    internal Scope Rent(out byte* buffer) => new(this, buffer = Rent());

    /// <returns>Null when all are out.</returns>
    internal byte* TryRent()
    {
        Debug.Assert(Volatile.Read(ref _disposed) == 0, "the buffers are in use");
        while (true)
        {
            TestHook.Reach(SharedWord.Counter);
            ulong free = Volatile.Read(ref _free);
            if (free == 0)
            {
                return null;
            }

            // n free → n − 1: races with renters and returners.
            if (Interlocked.CompareExchange(ref _free, free & (free - 1), free) == free)
            {
                int number = BitOperations.TrailingZeroCount(free);
                if (number >= Volatile.Read(ref _touched))
                {
                    CountTouched(number + 1);
                }

                return _memory.Address + ((long)number * BufferBytes);
            }
        }
    }

    internal void Return(byte* buffer)
    {
        ulong bit = 1UL << IndexOf(buffer);
        ulong before = Shared.Or(SharedWord.Counter, ref _free, bit);
        Debug.Assert((before & bit) == 0, "a buffer is returned once");

        // Pairs with the increment in RentSlow: either the waiter is seen here, or it sees the buffer.
        Fences.AfterInterlocked();
        if (Volatile.Read(ref _waiters) != 0)
        {
            bool interrupted = false;
            _returned.Enter(ref interrupted);
            _returned.Pulse();
            _returned.Exit(interrupted);
        }
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
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Debug.Assert(BitOperations.PopCount(_free) == Count, "every buffer has been returned");
            _memory.Release();
        }
    }

    internal readonly ref struct Scope(BounceBuffers buffers, byte* buffer)
    {
        private readonly byte* _buffer = buffer;

        public void Dispose() => buffers.Return(_buffer);
    }

    private byte* RentSlow()
    {
        bool interrupted = false;
        _returned.Enter(ref interrupted);
        Interlocked.Increment(ref _waiters);
        Fences.AfterInterlocked();
        byte* buffer;
        while ((buffer = TryRent()) == null)
        {
            _returned.Wait(ref interrupted);
        }

        Interlocked.Decrement(ref _waiters);
        _returned.Exit(interrupted);
        return buffer;
    }

    private void CountTouched(int touched)
    {
        int seen = Volatile.Read(ref _touched);
        while (seen < touched)
        {
            int found = Interlocked.CompareExchange(ref _touched, touched, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }
}
