using System.Diagnostics;
using System.Globalization;

namespace Paging.Stress.Driver;

internal enum Operation
{
    None,
    Get,
    Read,
    ReadToEnd,
    CopyTo,
    TryRead,
    Pin,
    Prefetch,
    Set,
    Write,
    WriteToEnd,
    CopyFrom,
    Fill,
    Discard,
    Gather,
    Store,
    Load,
    Free,
}

/// <summary>What one thread did last. Written by that thread alone and read after it has stopped, so it orders nothing
/// between the threads under test.</summary>
internal sealed class OperationLog(int thread)
{
    private const int Capacity = 1 << 15;

    private readonly Entry[] _entries = new Entry[Capacity];
    private long _count;

    /// <summary>The entry of the operation that starts now.</summary>
    public ref Entry Begin(Operation operation, int array, long start, int length)
    {
        ref Entry entry = ref _entries[_count++ & (Capacity - 1)];
        entry = new Entry
        {
            Time = Stopwatch.GetTimestamp(),
            Thread = thread,
            Operation = operation,
            Array = array,
            Start = start,
            Length = length,
        };
        return ref entry;
    }

    public IEnumerable<Entry> Newest(int count)
    {
        for (long i = _count - 1; i >= 0 && i >= _count - Capacity && count-- > 0; i--)
            yield return _entries[i & (Capacity - 1)];
    }

    /// <summary>The last operations of all threads on elements of [start, end), oldest first.</summary>
    public static IEnumerable<Entry> On(IEnumerable<OperationLog> logs, int array, long start, long end, int count) => logs
        .SelectMany(log => log.Newest(Capacity))
        .Where(entry => entry.Array == array && entry.Start < end && entry.Start + entry.Length > start)
        .OrderByDescending(entry => entry.Time)
        .Take(count)
        .Reverse();

    internal struct Entry
    {
        public long Time;
        public long Start;
        public int Length;
        public int Thread;
        public int Array;
        public Operation Operation;
        public ContentKind Kind;
        public bool Refused;

        public override readonly string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"{Time} thread {Thread}: {Operation} array {Array} [{Start}, {Start + Length}) " +
            $"{(Operation >= Operation.Set ? Kind : "")}{(Refused ? " refused: out of paging space" : "")}");
    }
}
