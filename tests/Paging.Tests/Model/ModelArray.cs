using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Paging.Stress.Driver;
using Paging.Tests.Face;

namespace Paging.Tests.Model;

/// <summary>A paged array beside the plain array that says what it holds.</summary>
internal abstract class ModelArray : IDisposable
{
    /// <summary>Bytes of pages that no pattern stands for: at most what the array can have stored.</summary>
    public abstract long HeldBytes { get; }

    public static ModelArray Create(Pager pager, Plan plan)
    {
        Type type = typeof(ModelArray<>).MakeGenericType(plan.Element);
        return (ModelArray)Activator.CreateInstance(type, pager, plan)!;
    }

    public abstract void Apply(Op op);

    /// <summary>Holds a lease over <paramref name="inner"/> and checks that it sees what happened meanwhile.</summary>
    public abstract void Hold(Op op, Action inner);

    /// <summary>Whether the operation is a read lease on a page that has contents. One on an untouched page needs a frame that may not
    /// be there, and a page of zeroes may be untouched.</summary>
    public abstract bool ReadsWhatIsStored(Op op);

    public abstract void Verify();

    public abstract void DiscardAll();

    /// <summary>Overwrites everything with contents that shrink little, for as long as there is room.</summary>
    public abstract void Load(ulong salt);

    public abstract void Dispose();
}

internal sealed class ModelArray<T> : ModelArray where T : unmanaged
{
    private const int MostSides = 2;

    private readonly Pager _pager;
    private readonly Plan _plan;

    /// <summary>Clones and originals that are left alone, with what they hold. The oldest first.</summary>
    private readonly List<(PagedArray<T> Array, T[] Model)> _sides = [];

    /// <summary>What it is mapped from, if it is.</summary>
    private readonly MappedContents<T>? _mapped;
    private PagedArray<T> _array;
    private T[] _model;
    private int _held;

    public ModelArray(Pager pager, Plan plan)
    {
        _pager = pager;
        _plan = plan;
        _model = new T[plan.Bytes / Unsafe.SizeOf<T>()];
        _mapped = plan.MappedAt < 0 ? null : new MappedContents<T>(_model.Length, plan.MappedAt);
        _array = Allocate();
    }

    public override long HeldBytes => HeldBy(_model) + _sides.Sum(side => HeldBy(side.Model));

    public override void Apply(Op op)
    {
        (long start, int length) = Range(op);
        Span<T> model = _model.AsSpan((int)start, length);
        switch (op.Act)
        {
            case Act.Get:
                T value = _array[start];
                Equal(_model.AsSpan((int)start, 1), new ReadOnlySpan<T>(in value), start);
                break;
            case Act.Read:
                using (ReadLease<T> lease = _array.Read(start, length))
                    Equal(model, lease.Span, start);
                break;
            case Act.ReadToEnd:
                using (ReadLease<T> lease = _array.Read(start))
                    Equal(model, lease.Span, start);
                break;
            case Act.CopyTo:
                var seen = new T[length];
                _array.CopyTo(start, seen);
                Equal(model, seen, start);
                break;
            case Act.TryRead:
                if (_array.TryRead(start, out ReadLease<T> there))
                {
                    using (there)
                        Equal(model, there.Span, start);
                }

                break;
            case Act.Prefetch:
                Task prefetch = Ahead.Prefetch(_array, start, length);
                if ((op.Salt & 1) == 0)
                    prefetch.GetAwaiter().GetResult();
                break;
            case Act.Pin:
                using (PageOwner<T> owner = Ahead.Pin(_array, start).GetAwaiter().GetResult())
                    Equal(model, owner.GetSpan(), start);
                break;
            case Act.ReadSequence:
                using (PagedSequence<T> pages = _array.ReadSequence(start, length))
                    Equal(model, pages.Sequence.ToArray(), start);
                break;
            case Act.Renew:
                Renew();
                break;
            case Act.Clone:
                Clone(goesOnWithClone: (op.Salt & 1) == 0);
                break;
            default:
                Write(op, start, model);
                break;
        }
    }

    public override void Hold(Op op, Action inner)
    {
        (long start, int length) = Range(op with { Act = op.Act == Act.HoldRead ? Act.Read : Act.Write });
        Span<T> model = _model.AsSpan((int)start, length);
        _held += length > 0 ? 1 : 0;
        try
        {
            if (op.Act == Act.HoldRead)
            {
                using ReadLease<T> lease = _array.Read(start, length);
                inner();
                Equal(model, lease.Span, start);
            }
            else
            {
                using WriteLease<T> lease = _array.Write(start, length);
                inner();
                Equal(model, lease.Span, start);
                Content.Write(op.Kind, (ulong)op.Salt, model);
                model.CopyTo(lease.Span);
            }
        }
        finally
        {
            _held -= length > 0 ? 1 : 0;
        }
    }

    public override bool ReadsWhatIsStored(Op op)
    {
        if (op.Act is not (Act.Read or Act.ReadToEnd))
            return false;
        int start = (int)(Range(op).Start / _array.PageLength * _array.PageLength);
        Span<T> page = _model.AsSpan(start, Math.Min(_array.PageLength, _model.Length - start));
        return MemoryMarshal.AsBytes(page).IndexOfAnyExcept((byte)0) >= 0;
    }

    public override void Verify()
    {
        Verify(_array, _model);
        foreach ((PagedArray<T> array, T[] model) in _sides)
            Verify(array, model);
    }

    public override void DiscardAll()
    {
        foreach ((PagedArray<T> array, T[] model) in _sides.Prepend((_array, _model)))
        {
            array.Discard(0, array.Length);
            model.AsSpan().Clear();
        }
    }

    public override void Load(ulong salt)
    {
        var rng = new Rng(salt);
        for (int start = 0; start < _model.Length; start += _array.PageLength)
        {
            var page = new T[Math.Min(_array.PageLength, _model.Length - start)];
            Content.Write(rng.Chance(70) ? ContentKind.Noise : Content.Pick(ref rng), rng.Next(), page.AsSpan());
            try
            {
                _array.CopyFrom(start, page);
            }
            catch (OutOfPagingSpaceException)
            {
                _array.Discard(start, page.Length);
                _model.AsSpan(start, page.Length).Clear();
                break;
            }

            page.CopyTo(_model.AsSpan(start));
        }
    }

    public override void Dispose()
    {
        // The original may go first, or last.
        if (_model.Length % 2 == 0)
            _array.Dispose();
        _sides.ForEach(static side => side.Array.Dispose());
        _array.Dispose();
        _mapped?.Dispose();
    }

    private long HeldBy(T[] model)
    {
        long held = 0;
        for (int start = 0; start < model.Length; start += _array.PageLength)
        {
            Span<T> page = model.AsSpan(start, Math.Min(_array.PageLength, model.Length - start));
            if (!Content.IsSameFilled(MemoryMarshal.AsBytes(page)))
                held += _plan.PageBytes;
        }

        return held;
    }

    private void Verify(PagedArray<T> array, T[] model)
    {
        var seen = new T[array.PageLength];
        for (int start = 0; start < model.Length; start += seen.Length)
        {
            Span<T> page = seen.AsSpan(0, Math.Min(seen.Length, model.Length - start));
            array.CopyTo(start, page);
            Equal(model.AsSpan(start, page.Length), page, start);
        }
    }

    private void Clone(bool goesOnWithClone)
    {
        if (_sides.Count == MostSides)
        {
            if (_held > 0)
                return;
            (PagedArray<T> oldest, T[] held) = _sides[0];
            Verify(oldest, held);
            oldest.Dispose();
            _sides.RemoveAt(0);
        }

        PagedArray<T> clone = _array.Clone();
        Assert.Equal(
            (_array.Length, _array.PageBytes, _array.Name, _array.Compression), (clone.Length, clone.PageBytes, clone.Name, clone.Compression));
        T[] model = [.. _model];
        if (goesOnWithClone)
        {
            (_array, clone) = (clone, _array);
            (_model, model) = (model, _model);
        }

        _sides.Add((clone, model));
    }

    private PagedArray<T> Allocate()
    {
        var options = new PagedArrayOptions { PageBytes = _plan.PageBytes, Name = typeof(T).Name };
        _model.AsSpan().Clear();
        return _mapped is null ? _pager.Allocate<T>(_model.Length, options) : _mapped.Map(_pager, options, _model);
    }

    private void Renew()
    {
        if (_held > 0)
        {
            // On this array, or on the one that it is a clone of.
            if (_sides.Count == 0)
                Assert.Throws<InvalidOperationException>(_array.Dispose);
            return;
        }

        _array.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { _ = _array[0]; });
        _array = Allocate();
    }

    /// <summary>Leases stay within a page.</summary>
    private (long Start, int Length) Range(Op op)
    {
        (long start, int length) = op.Place.In(_model.Length, _array.PageLength);
        int rest = (int)Math.Min(_array.PageLength - start % _array.PageLength, _model.Length - start);
        return op.Act switch
        {
            Act.Get or Act.Set => (start, 1),
            Act.Read or Act.Write => (start, Math.Min(length, rest)),
            Act.ReadToEnd or Act.WriteToEnd or Act.TryRead or Act.Pin or Act.PinToWrite => (start, rest),
            _ => (start, length),
        };
    }

    private void Write(Op op, long start, Span<T> model)
    {
        var fresh = new T[model.Length];
        ContentKind kind = op.Act switch { Act.Fill => ContentKind.Constant, Act.Discard => ContentKind.Zeros, _ => op.Kind };
        Content.Write(kind, (ulong)op.Salt, fresh.AsSpan());
        try
        {
            switch (op.Act)
            {
                case Act.Set:
                    _array[start] = fresh[0];
                    break;
                case Act.Write:
                    using (WriteLease<T> lease = _array.Write(start, fresh.Length))
                        fresh.CopyTo(lease.Span);
                    break;
                case Act.WriteToEnd:
                    using (WriteLease<T> lease = _array.Write(start))
                        fresh.CopyTo(lease.Span);
                    break;
                case Act.PinToWrite:
                    using (PageOwner<T> owner = Ahead.Pin(_array, start, writable: true).GetAwaiter().GetResult())
                        fresh.CopyTo(owner.GetSpan());
                    break;
                case Act.CopyFrom:
                    _array.CopyFrom(start, fresh);
                    break;
                case Act.Fill:
                    _array.Fill(start, fresh.Length, Content.Value<T>((ulong)op.Salt));
                    break;
                default:
                    _array.Discard(start, fresh.Length);
                    break;
            }

            fresh.CopyTo(model);
        }
        catch (OutOfPagingSpaceException)
        {
            AcceptOldOrNew(start, model, fresh);
            throw;
        }
    }

    /// <summary>A refused operation on several pages may have done some of them, each element wholly.</summary>
    private void AcceptOldOrNew(long start, Span<T> model, ReadOnlySpan<T> fresh)
    {
        var seen = new T[model.Length];
        _array.CopyTo(start, seen);
        for (int i = 0; i < seen.Length; i++)
        {
            if (Content.FirstDifference<T>(fresh.Slice(i, 1), seen.AsSpan(i, 1)) >= 0)
                Equal(model.Slice(i, 1), seen.AsSpan(i, 1), start + i);
        }

        seen.CopyTo(model);
    }

    private void Equal(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, long start)
    {
        if (expected.Length != actual.Length)
            Assert.Fail($"{typeof(T).Name} at {start}: a span of {actual.Length} elements, not {expected.Length}");
        int i = Content.FirstDifference(expected, actual);
        if (i >= 0)
        {
            Assert.Fail(
                $"{typeof(T).Name}[{start + i}] is {Content.Hex(actual[i])}, not {Content.Hex(expected[i])}; "
                + $"element {i} of {actual.Length} from {start}, pages of {_array.PageLength}");
        }
    }
}
