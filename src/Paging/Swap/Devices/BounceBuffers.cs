using System.Diagnostics;
using System.Numerics;
using Paging.Interop;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap.Devices;

/// <summary>A fixed number of aligned native buffers, for transfers whose bytes cannot go directly to where they belong.</summary>
/// <remarks>Thread-safe. The free buffers are bits of a few words, of which the lowest is taken next. So physical memory is touched only
/// for as many buffers as have been out at the same time. The memory is excluded from fork, as O_DIRECT requires.</remarks>
internal sealed unsafe class BounceBuffers : IDisposable
{
    /// <summary>There can be as many as eight words have bits.</summary>
    internal const int MaxBuffers = 8 * InAWord;

    /// <summary>A run lies in one word.</summary>
    internal const int InAWord = 64;

    /// <summary>Bytes of a buffer of which several are taken at a time.</summary>
    private const int RunUnitBytes = 16 << 10;

    private readonly Reservation _memory;
    private readonly Condition _returned = new();

    /// <summary>A set bit is a free buffer. Taken by CAS, given back by an atomic OR.</summary>
    private readonly ulong[] _free;
    private int _waiters;
    private int _touched;
    private int _disposed;

    /// <summary>Buffers that <see cref="TryRentAhead"/> has given, and threads that are about to ask for one.</summary>
    private int _ahead;

    /// <param name="count">How many there are, <see cref="MaxBuffers"/> at most.</param>
    /// <param name="bufferBytes">A multiple of the system's page.</param>
    /// <param name="huge">True to put them on huge pages, if the system has them: then a transfer has few pieces to pin and to map. Memory
    /// is then taken by whole huge pages.</param>
    internal BounceBuffers(int count, int bufferBytes, bool huge = false)
    {
        Debug.Assert(count is > 0 and <= MaxBuffers && bufferBytes > 0 && bufferBytes % VirtualMemory.SystemPageBytes == 0, "whole pages");
        Count = count;
        BufferBytes = bufferBytes;
        _free = new ulong[(count + InAWord - 1) / InAWord];
        for (int i = 0; i < _free.Length; i++)
        {
            _free[i] = Run(Math.Min(count - (i * InAWord), InAWord));
        }

        long bytes = (long)count * bufferBytes;
        bytes = huge ? (bytes + Reservation.HugePageBytes - 1) / Reservation.HugePageBytes * Reservation.HugePageBytes : bytes;
        _memory = new Reservation(bytes, accessible: true);
        _memory.Advise(0, _memory.Bytes, huge);
        VirtualMemory.ExcludeFromFork(_memory.Address, (nuint)_memory.Bytes);
    }

    /// <summary>Buffers of which several that follow one another are taken at a time.</summary>
    /// <param name="bytes">Their memory, about.</param>
    internal static BounceBuffers ForRuns(int bytes)
    {
        // Runs are short beside a word, so that one finds a place between others.
        int unit = Math.Max(RunUnitBytes, VirtualMemory.SystemPageBytes);
        return new BounceBuffers(bytes / unit, unit, huge: true);
    }

    /// <summary>Whether so much memory goes on huge pages: it is taken by whole ones, so that less would take several times as much as it
    /// is.</summary>
    internal static bool IsHuge(long bytes) => bytes >= Reservation.HugePageBytes;

    internal int Count { get; }

    internal int BufferBytes { get; }

    /// <summary>Where buffer number 0 starts; the others follow.</summary>
    internal byte* Address => _memory.Address;

    /// <summary>Memory of all buffers that have ever been out: at most <see cref="Count"/> times <see cref="BufferBytes"/>.</summary>
    internal long TotalBytes => (long)Volatile.Read(ref _touched) * BufferBytes;

    /// <summary>Takes a buffer. Waits while all are out: a thread that has one must not wait for another.</summary>
    internal byte* Rent()
    {
        byte* buffer = TryRent();
        return buffer != null ? buffer : RentSlow();
    }

    /// <summary>Takes a buffer as <see cref="Rent()"/> does. The end of the scope returns it.</summary>
    internal Scope Rent(out byte* buffer) => new(this, buffer = Rent());

    /// <summary>Takes a buffer without waiting.</summary>
    /// <returns>Null when all are out.</returns>
    internal byte* TryRent()
    {
        Debug.Assert(Volatile.Read(ref _disposed) == 0, "the buffers are in use");
        return TryTake(1);
    }

    /// <summary>Takes a buffer for something that can be done without: half of them at most are out for such, so that a thread that has
    /// some may wait for another one, which comes back.</summary>
    /// <returns>Null when too many are out. To be given back by <see cref="ReturnAhead"/>.</returns>
    internal byte* TryRentAhead()
    {
        if (Shared.Increment(SharedWord.Counter, ref _ahead) <= Count / 2)
        {
            byte* buffer = TryRent();
            if (buffer != null)
            {
                return buffer;
            }
        }

        Shared.Decrement(SharedWord.Counter, ref _ahead);
        return null;
    }

    internal void ReturnAhead(byte* buffer)
    {
        Return(buffer);
        Shared.Decrement(SharedWord.Counter, ref _ahead);
    }

    /// <summary>Takes buffers that follow one another, without waiting.</summary>
    /// <param name="bytes">How long they have to be together.</param>
    /// <returns>Null when there are not so many in a row. To be given back by <see cref="ReturnRun"/>.</returns>
    internal byte* TryRentRun(int bytes)
    {
        int length = RunOf(bytes);
        return length <= Math.Min(Count, InAWord) ? TryTake(length) : null;
    }

    /// <summary>Gives back what <see cref="TryRentRun"/> gave for so many bytes.</summary>
    internal void ReturnRun(byte* first, int bytes) => Return(IndexOf(first), RunOf(bytes));

    /// <summary>Gives a buffer back, and wakes a thread that waits for one.</summary>
    internal void Return(byte* buffer) => Return(IndexOf(buffer), 1);

    private int RunOf(int bytes) => (bytes + BufferBytes - 1) / BufferBytes;

    private static ulong Run(int length) => ulong.MaxValue >> (InAWord - length);

    /// <summary>Takes so many buffers that follow one another, from the first word that has them.</summary>
    private byte* TryTake(int length)
    {
        for (int word = 0; word < _free.Length;)
        {
            ref ulong place = ref _free[word];
            TestHook.Reach(SharedWord.Counter);
            ulong free = Volatile.Read(ref place);

            // A bit that is left begins a run of so many: each round doubles the runs that are known.
            ulong begins = free;
            for (int known = 1; known < length && begins != 0;)
            {
                int more = Math.Min(known, length - known);
                begins &= begins >> more;
                known += more;
            }

            if (begins == 0)
            {
                word++;
                continue;
            }

            // The run's bits: set → clear. Races with threads that take or return buffers.
            int first = BitOperations.TrailingZeroCount(begins);
            if (Interlocked.CompareExchange(ref place, free & ~(Run(length) << first), free) == free)
            {
                int number = (word * InAWord) + first;
                if (number + length > Volatile.Read(ref _touched))
                {
                    CountTouched(number + length);
                }

                return _memory.Address + ((long)number * BufferBytes);
            }
        }

        return null;
    }

    private void Return(int number, int length)
    {
        ulong bits = Run(length) << (number % InAWord);
        ulong before = Shared.Or(SharedWord.Counter, ref _free[number / InAWord], bits);
        Debug.Assert((before & bits) == 0, "a buffer is returned once");

        // Pairs with the increment in RentSlow: either this thread sees the waiter, or the waiter sees the buffer.
        Fences.AfterInterlocked();
        if (Volatile.Read(ref _waiters) != 0)
        {
            bool interrupted = false;
            _returned.Enter(ref interrupted);
            _returned.Pulse();
            _returned.Exit(interrupted);
        }
    }

    /// <summary>The number of a buffer, from 0 to <see cref="Count"/> − 1, for data that belongs to it and is kept elsewhere.</summary>
    internal int IndexOf(byte* buffer)
    {
        long offset = buffer - _memory.Address;
        Debug.Assert(offset >= 0 && offset % BufferBytes == 0 && offset / BufferBytes < Count, "a buffer of this pool");
        return (int)(offset / BufferBytes);
    }

    /// <summary>Gives the memory back. All buffers must have been returned.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Debug.Assert(_free.Sum(BitOperations.PopCount) == Count, "every buffer has been returned");
            _memory.Release();
        }
    }

    /// <summary>Returns a buffer at its end.</summary>
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
