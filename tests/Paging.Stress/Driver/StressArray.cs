using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Paging.Stress.Driver;

/// <summary>A paged array under test beside its model, without its element type.</summary>
internal abstract class StressArray : IDisposable
{
    public abstract int PageLength { get; }

    /// <summary>Bytes of pages that are no pattern, at most what can be stored of them. Reads the models of other threads while
    /// they write: near enough to judge a refusal.</summary>
    public abstract long HeldBytes { get; }

    /// <summary>Fills the pages, those that are only read or the others, these for as long as there is room.</summary>
    public abstract void FillPages(ulong salt, bool readOnly);

    public abstract void Step(Worker worker);

    /// <summary>Discards whole pages of the thread's own, which needs no room, so it is never refused.</summary>
    public abstract void MakeRoom(Worker worker);

    /// <summary>Compares everything with the model. All threads at rest.</summary>
    public abstract void VerifyAll();

    public abstract void Dispose();
}

/// <summary>The array, from its start: pages that are only read, pages that threads share in alternating chunks of
/// <see cref="ChunkLength"/> elements, and pages of each thread's own. Only the owner of an element writes it, so the model's
/// element is exact without a lock, while the pages beneath are written by all threads at once.</summary>
internal sealed class StressArray<T> : StressArray where T : unmanaged
{
    /// <summary>Divides no page, so that chunks cross pages.</summary>
    private const int ChunkLength = 61;

    private readonly PagedArray<T> _array;
    private readonly T[] _model;
    private readonly T[][] _seen;
    private readonly T[][] _fresh;
    private readonly int _index;
    private readonly int _threads;
    private readonly int _pageBytes;
    private readonly long _sharedStart;
    private readonly long _ownStart;
    private readonly long _ownLength;

    public StressArray(Pager pager, int index, long bytes, int pageBytes, int threads)
    {
        _index = index;
        _threads = threads;
        _pageBytes = pageBytes;
        int pageLength = pageBytes / Unsafe.SizeOf<T>();
        long pages = Math.Max(bytes / pageBytes, 8 + 4 * threads);
        long length = pages * pageLength - pageLength / 3;    // the last page is a partial one
        _array = pager.Allocate<T>(length, new PagedArrayOptions { PageBytes = pageBytes, Name = typeof(T).Name });
        _model = new T[length];
        _sharedStart = pages * 15 / 100 * pageLength;
        _ownLength = Math.Max(2, pages * 45 / 100 / threads) * pageLength;
        _ownStart = (pages - threads * (_ownLength / pageLength)) * pageLength;
        _seen = Buffers(threads, 3 * pageLength);
        _fresh = Buffers(threads, 3 * pageLength);
    }

    public override int PageLength => _array.PageLength;

    public override long HeldBytes
    {
        get
        {
            long held = 0;
            for (int start = 0; start < _model.Length; start += PageLength)
            {
                ReadOnlySpan<T> page = _model.AsSpan(start, Math.Min(PageLength, _model.Length - start));
                if (!Content.IsSameFilled(MemoryMarshal.AsBytes(page)))
                    held += _pageBytes;
            }

            return held;
        }
    }

    public override void FillPages(ulong salt, bool readOnly)
    {
        var rng = new Rng(salt);
        int end = readOnly ? (int)_sharedStart : _model.Length;
        for (int start = readOnly ? 0 : (int)_sharedStart; start < end; start += PageLength)
        {
            Span<T> page = _model.AsSpan(start, Math.Min(PageLength, _model.Length - start));
            Content.Write(Content.Pick(ref rng), rng.Next(), page);
            try
            {
                _array.CopyFrom(start, page);
            }
            catch (OutOfPagingSpaceException) when (!readOnly)    // the pool is as full as it was to be
            {
                page.Clear();
                _array.Discard(start, page.Length);
                break;
            }
        }
    }

    public override void Step(Worker worker)
    {
        switch (worker.Rng.Next(10))
        {
            case < 2:
                ReadOnlyStep(worker);
                break;
            case < 7:
                (long start, int length) = PickShared(worker);
                OwnerStep(worker, start, length, whole: false);
                break;
            default:
                (start, length, bool whole) = PickOwn(worker);
                OwnerStep(worker, start, length, whole);
                break;
        }
    }

    public override void MakeRoom(Worker worker)
    {
        int pages = 1 + worker.Rng.Next(3);
        long start = OwnStart(worker) + PageLength * worker.Rng.Next(_ownLength / PageLength);
        int length = (int)Math.Min((long)pages * PageLength, OwnEnd(worker) - start);
        worker.Log.Begin(Operation.Discard, _index, start, length);
        try
        {
            _array.Discard(start, length);
        }
        catch (OutOfPagingSpaceException e)
        {
            throw Failure("discarding whole pages was refused", start, e);
        }

        _model.AsSpan((int)start, length).Clear();
    }

    public override void VerifyAll()
    {
        Span<T> seen = _seen[0].AsSpan(0, PageLength);
        for (int start = 0; start < _model.Length; start += seen.Length)
        {
            seen = seen[..Math.Min(seen.Length, _model.Length - start)];
            _array.CopyTo(start, seen);
            Compare(start, seen);
        }
    }

    public override void Dispose() => _array.Dispose();

    private static T[][] Buffers(int threads, int length) => [.. Enumerable.Range(0, threads).Select(_ => new T[length])];

    private long OwnStart(Worker worker) => _ownStart + worker.Id * _ownLength;

    private long OwnEnd(Worker worker) => Math.Min(OwnStart(worker) + _ownLength, _model.Length);

    private int ToPageEnd(long start) => (int)Math.Min(PageLength - start % PageLength, _model.Length - start);

    /// <summary>Part of a chunk of the thread's own, often in the first eighth of the shared pages.</summary>
    private (long Start, int Length) PickShared(Worker worker)
    {
        ref Rng rng = ref worker.Rng;
        long turns = (_ownStart - _sharedStart) / ChunkLength / _threads;
        long turn = rng.Chance(60) ? rng.Next(Math.Max(1, turns / 8)) : rng.Next(turns);
        int offset = rng.Next(ChunkLength);
        return (_sharedStart + (turn * _threads + worker.Id) * ChunkLength + offset, rng.Next(ChunkLength - offset + 1));
    }

    /// <summary>A range of the thread's own pages: small, or of up to two and a half pages, or of whole pages.</summary>
    private (long Start, int Length, bool Whole) PickOwn(Worker worker)
    {
        ref Rng rng = ref worker.Rng;
        long end = OwnEnd(worker), span = end - OwnStart(worker);
        long start = OwnStart(worker) + rng.Next(rng.Chance(50) ? Math.Min(span, 2 * PageLength) : span);
        int length = rng.Next(8) switch
        {
            < 5 => rng.Next(65),
            < 7 => rng.Next(PageLength / 2),
            _ => rng.Next(PageLength * 5 / 2),
        };
        bool whole = rng.Chance(10);
        if (whole)
        {
            start -= start % PageLength;
            length = (1 + rng.Next(2)) * PageLength;
        }

        return (start, (int)Math.Min(length, end - start), whole);
    }

    private void ReadOnlyStep(Worker worker)
    {
        long start = worker.Rng.Next(_sharedStart);
        int length = (int)Math.Min(worker.Rng.Next(PageLength * 2), _sharedStart - start);
        Operation operation = (Operation)(1 + worker.Rng.Next((int)Operation.Set - 1));
        Read(worker, operation, start, length, everything: true);
    }

    private void OwnerStep(Worker worker, long start, int length, bool whole)
    {
        var operation = (Operation)(1 + worker.Rng.Next((int)Operation.Discard));
        if (operation < Operation.Set)
            Read(worker, operation, start, length, everything: false);
        else
            Write(worker, operation, start, length, whole);
    }

    private void Read(Worker worker, Operation operation, long start, int length, bool everything)
    {
        length = operation switch
        {
            Operation.Get => 1,
            Operation.Read => Math.Min(length, ToPageEnd(start)),
            Operation.ReadToEnd or Operation.TryRead or Operation.Pin => ToPageEnd(start),
            _ => length,
        };
        ref OperationLog.Entry entry = ref worker.Log.Begin(operation, _index, start, length);
        try
        {
            Read(worker, start, length, operation, everything);
        }
        catch (OutOfPagingSpaceException e) when (
            operation == Operation.Pin || (operation is Operation.Read or Operation.ReadToEnd && IsUntouched(start)))
        {
            // Everything stored can be read; a lease on what is not stored needs a frame, and a pin does not wait for leases of others to end.
            entry.Refused = true;
            worker.Refuse(e);
        }
    }

    private void Read(Worker worker, long start, int length, Operation operation, bool everything)
    {
        switch (operation)
        {
            case Operation.Get:
                T value = _array[start];
                Compare(start, new ReadOnlySpan<T>(in value));
                break;
            case Operation.Read:
                using (ReadLease<T> lease = _array.Read(start, length))
                    Compare(start, Sized(lease.Span, start, length));
                break;
            case Operation.ReadToEnd:
                using (ReadLease<T> lease = _array.Read(start))
                    CompareOwned(worker, start, Sized(lease.Span, start, length), everything);
                break;
            case Operation.TryRead:
                if (_array.TryRead(start, out ReadLease<T> tried))
                {
                    using (tried)
                        CompareOwned(worker, start, Sized(tried.Span, start, length), everything);
                }

                break;
            case Operation.Pin:
                Task<PageOwner<T>> pin = _array.PinAsync(start).AsTask();
                StressSparse.Finish(pin);
                using (PageOwner<T> owner = pin.Result)
                    CompareOwned(worker, start, Sized(owner.GetSpan(), start, length), everything);
                break;
            case Operation.Prefetch:
                Prefetch(worker, start, length);
                break;
            default:
                Span<T> seen = _seen[worker.Id].AsSpan(0, length);
                _array.CopyTo(start, seen);
                Compare(start, seen);
                break;
        }
    }

    private void Prefetch(Worker worker, long start, int length)
    {
        using var cancellation = new CancellationTokenSource();
        Task prefetch = _array.PrefetchAsync(start, length, cancellation.Token).AsTask();
        if (worker.Rng.Chance(30))
            cancellation.Cancel();
        try
        {
            StressSparse.Finish(prefetch);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
    }

    private void Write(Worker worker, Operation operation, long start, int length, bool whole)
    {
        if (operation == Operation.Set)
            length = 1;
        else if (operation is Operation.Write or Operation.WriteToEnd)
            length = Math.Min(length, ToPageEnd(start));
        ref OperationLog.Entry entry = ref worker.Log.Begin(operation, _index, start, length);
        entry.Kind = operation switch
        {
            Operation.Discard => ContentKind.Zeros,
            Operation.Fill => ContentKind.Constant,
            _ => Content.Pick(ref worker.Rng),
        };
        Span<T> fresh = _fresh[worker.Id].AsSpan(0, length);
        Content.Write(entry.Kind, worker.Rng.Next(), fresh);
        try
        {
            Apply(operation, start, fresh);
            fresh.CopyTo(_model.AsSpan((int)start, length));
            worker.Written++;
        }
        catch (OutOfPagingSpaceException e)
        {
            entry.Refused = true;
            if (whole && operation == Operation.Discard)
                throw Failure("discarding whole pages was refused", start, e);
            AcceptOldOrNew(worker, start, fresh, mayHaveBegun: operation >= Operation.CopyFrom);
            worker.Refuse(e);
        }
    }

    private void Apply(Operation operation, long start, ReadOnlySpan<T> fresh)
    {
        switch (operation)
        {
            case Operation.Set:
                _array[start] = fresh[0];
                break;
            case Operation.Write:
                using (WriteLease<T> lease = _array.Write(start, fresh.Length))
                    fresh.CopyTo(lease.Span);
                break;
            case Operation.WriteToEnd:
                using (WriteLease<T> lease = _array.Write(start))
                    fresh.CopyTo(lease.Span);
                break;
            case Operation.CopyFrom:
                _array.CopyFrom(start, fresh);
                break;
            case Operation.Fill:
                _array.Fill(start, fresh.Length, fresh.IsEmpty ? default : fresh[0]);
                break;
            default:
                _array.Discard(start, fresh.Length);
                break;
        }
    }

    /// <summary>After a refusal every element is what it was, or, where a range of pages was under way, what it was to be.</summary>
    private void AcceptOldOrNew(Worker worker, long start, ReadOnlySpan<T> fresh, bool mayHaveBegun)
    {
        Span<T> model = _model.AsSpan((int)start, fresh.Length);
        Span<T> seen = _seen[worker.Id].AsSpan(0, fresh.Length);
        _array.CopyTo(start, seen);
        for (int i = 0; i < seen.Length; i++)
        {
            ReadOnlySpan<T> element = seen.Slice(i, 1);
            if (Content.FirstDifference(model.Slice(i, 1), element) < 0)
                continue;
            if (!mayHaveBegun || Content.FirstDifference(fresh.Slice(i, 1), element) >= 0)
                Compare(start + i, element);
            model[i] = element[0];
        }
    }

    /// <summary>Compares those elements of a shared page that the thread owns: others may be written at this moment.</summary>
    private void CompareOwned(Worker worker, long start, ReadOnlySpan<T> seen, bool everything)
    {
        if (everything || start >= _ownStart)
        {
            Compare(start, everything ? seen : seen[..(int)Math.Min(seen.Length, OwnEnd(worker) - start)]);
            return;
        }

        for (int i = 0; i < seen.Length && start + i < _ownStart;)
        {
            long offset = start + i - _sharedStart;
            int rest = (int)Math.Min(ChunkLength - offset % ChunkLength, seen.Length - i);
            if (offset / ChunkLength % _threads == worker.Id && offset / ChunkLength / _threads < (_ownStart - _sharedStart) / ChunkLength / _threads)
                Compare(start + i, seen.Slice(i, rest));
            i += rest;
        }
    }

    private bool IsUntouched(long index)
    {
        int start = (int)(index - index % PageLength);
        ReadOnlySpan<T> page = _model.AsSpan(start, Math.Min(PageLength, _model.Length - start));
        return MemoryMarshal.AsBytes(page).IndexOfAnyExcept((byte)0) < 0;
    }

    private ReadOnlySpan<T> Sized(ReadOnlySpan<T> span, long start, int length) => span.Length == length
        ? span
        : throw Failure($"the lease at {start} spans {span.Length} elements, not {length}", start);

    private void Compare(long start, ReadOnlySpan<T> seen)
    {
        ReadOnlySpan<T> expected = _model.AsSpan((int)start, seen.Length);
        int i = Content.FirstDifference(expected, seen);
        if (i >= 0)
        {
            throw Failure(
                $"element {start + i} is {Content.Hex(seen[i])}, not {Content.Hex(expected[i])} " +
                $"({(start + i) % PageLength} in its page of {PageLength}; element {i} of {seen.Length} compared)",
                start + i);
        }
    }

    private StressFailure Failure(string message, long index, Exception? inner = null)
    {
        long page = index - index % PageLength;
        return new StressFailure($"array {_index} of {typeof(T).Name}: {message}", _index, page, page + PageLength, inner);
    }
}
