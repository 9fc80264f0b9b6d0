using FsCheck;
using FsCheck.Fluent;
using Paging.Stress.Driver;

namespace Paging.Tests.Model;

internal enum Act
{
    Get,
    Set,
    Read,
    ReadToEnd,
    Write,
    WriteToEnd,
    CopyTo,
    CopyFrom,
    Fill,
    Discard,
    TryRead,
    /// <summary>Starts a prefetch, and awaits every second one.</summary>
    Prefetch,
    Pin,
    PinToWrite,
    ReadSequence,
    /// <summary>Holds a read lease while the next operation runs.</summary>
    HoldRead,
    HoldWrite,
    /// <summary>Disposes the array and allocates it anew.</summary>
    Renew,
    /// <summary>Clones the array, and goes on with either side.</summary>
    Clone,
    /// <summary>Changes the budgets.</summary>
    Resize,
}

/// <summary>Which elements of an array of any length: a position of 1024ths, moved to a page's start or end at times, and a count
/// of elements up to 64, beyond that hundredths of a page.</summary>
internal readonly record struct Place(int Position, int Snap, int Count)
{
    public (long Start, int Length) In(long length, int pageLength)
    {
        long start = Math.Min(length - 1, Position * length / 1024);
        if (Snap == 1)
            start -= start % pageLength;
        else if (Snap == 2)
            start = Math.Min(length - 1, start - start % pageLength + pageLength - 2);
        int count = Count <= 64 ? Count : (int)((long)(Count - 64) * pageLength / 100);
        return (start, (int)Math.Min(count, length - start));
    }

    public IEnumerable<Place> Simpler()
    {
        Place self = this;
        return Seeded.Shrink(Count).Select(count => self with { Count = count })
            .Concat(Seeded.Shrink(Position).Select(position => self with { Position = position }))
            .Concat(Seeded.Shrink(Snap).Select(snap => self with { Snap = snap }));
    }

    public static Gen<Place> Generate() =>
        from position in Gen.Choose(0, 1023)
        from snap in Gen.Frequency((4, Gen.Constant(0)), (1, Gen.Constant(1)), (1, Gen.Constant(2)))
        from count in Gen.Frequency((1, Gen.Constant(0)), (5, Gen.Choose(1, 64)), (3, Gen.Choose(65, 165)), (2, Gen.Choose(165, 364)))
        select new Place(position, snap, snap == 1 && count > 165 ? count / 100 * 100 + 64 : count);
}

internal readonly record struct Op(Act Act, int Array, Place Place, ContentKind Kind, int Salt)
{
    public IEnumerable<Op> Simpler()
    {
        Op self = this;
        IEnumerable<Op> simpler = Place.Simpler().Select(place => self with { Place = place });
        return Kind == ContentKind.Zeros ? simpler : simpler.Append(self with { Kind = Kind - 1 });
    }
}

/// <param name="Element">What is in the array.</param>
/// <param name="PageBytes">Its page size.</param>
/// <param name="Bytes">Of its elements.</param>
/// <param name="MappedAt">Where in a file it begins; −1 for one of zeroes.</param>
internal readonly record struct Plan(Type Element, int PageBytes, int Bytes, int MappedAt = -1);

/// <summary>A pager, its arrays, and what is done to them in turn.</summary>
internal sealed record Script(int Frames, long PoolBytes, int BackgroundThreads, Plan[] Plans, Op[] Ops)
{
    private static readonly Type[] s_elements = [typeof(byte), typeof(float), typeof(Vector), typeof(decimal), typeof(Particle)];

    public int LargestPage => Plans.Max(plan => plan.PageBytes);

    public override string ToString() =>
        $"{Frames} frames, pool {PoolBytes}, {BackgroundThreads} background threads{Environment.NewLine}"
        + string.Concat(Plans.Select((plan, i) => $"  {i}: {plan}{Environment.NewLine}"))
        + string.Concat(Ops.Select(op => $"  {op}{Environment.NewLine}"));

    /// <summary>Data that always fit: what they hold together is less than half of the pool.</summary>
    public static Gen<Script> Roomy(int backgroundThreads, params Type[] elements) =>
        from frames in Gen.Choose(8, 40)
        from plans in Gen.CollectToArray(Elements(elements), element => Planned(element, 1200 << 10, s_elements.Length))
        from ops in Operations(plans.Length, holds: true)
        select new Script(frames, 4 << 20, backgroundThreads, plans, ops);

    /// <summary>Data that a pool may be too small for.</summary>
    public static Gen<Script> Tight(int backgroundThreads, params Type[] elements) =>
        from frames in Gen.Choose(12, 40)
        from plans in Gen.CollectToArray(Elements(elements), element => Planned(element, 5 << 20, Elements(elements).Length))
        from ops in Operations(plans.Length, holds: false)
        select new Script(frames, 2 << 20, backgroundThreads, plans, ops);

    /// <summary>Data of several times the pool, for pagers with swap files.</summary>
    public static Gen<Script> Large(int backgroundThreads, bool fits) =>
        from frames in Gen.Choose(12, 40)
        from plans in Gen.CollectToArray(s_elements, element => Planned(element, 8 << 20, s_elements.Length))
        from ops in Operations(plans.Length, holds: fits)
        select new Script(frames, 2 << 20, backgroundThreads, plans, ops);

    /// <summary>The same with most arrays mapped from files, where in these is a matter of chance.</summary>
    public static Gen<Script> Mapped(Gen<Script> plain) =>
        from script in plain
        from offsets in Gen.ArrayOf(
            Gen.Frequency((1, Gen.Constant(-1)), (2, Gen.Elements(0, 1, 4095, 4096, 4097)), (3, Gen.Choose(0, 20_000))), script.Plans.Length)
        select script with { Plans = [.. script.Plans.Select((plan, i) => plan with { MappedAt = offsets[i] })] };

    public static IEnumerable<Script> Shrink(Script script)
    {
        foreach (Op[] ops in Seeded.Shrink(script.Ops, op => op.Simpler()))
            yield return script with { Ops = ops };
        if (script.BackgroundThreads > 0)
            yield return script with { BackgroundThreads = 0 };
    }

    private static Type[] Elements(Type[] elements) => elements.Length == 0 ? s_elements : elements;

    private static Gen<Plan> Planned(Type element, int bytes, int arrays) =>
        from large in Gen.Choose(0, 1)
        from share in Gen.Choose(40, 100)
        select new Plan(element, large == 1 ? 16 << 10 : 4 << 10, (int)((long)bytes * share / 100 / arrays));

    private static Gen<Op[]> Operations(int arrays, bool holds)
    {
        Gen<Act> acts = Gen.Frequency(
            (8, Gen.Elements(Act.Get, Act.Set, Act.Read, Act.ReadToEnd, Act.Write, Act.WriteToEnd, Act.CopyTo, Act.CopyFrom, Act.Fill, Act.Discard)),
            (2, Gen.Elements(Act.Write, Act.CopyFrom, Act.CopyTo)),
            (3, Gen.Elements(Act.TryRead, Act.Prefetch, Act.Pin, Act.PinToWrite, Act.ReadSequence)),
            (holds ? 2 : 0, Gen.Elements(Act.HoldRead, Act.HoldWrite)));
        Gen<Op> op =
            from act in Gen.Frequency((60, acts), (1, Gen.Constant(Act.Renew)), (2, Gen.Constant(Act.Clone)), (3, Gen.Constant(Act.Resize)))
            from array in Gen.Choose(0, arrays - 1)
            from place in Place.Generate()
            from kind in Gen.Elements(ContentKind.Zeros, ContentKind.Constant, ContentKind.Text, ContentKind.Noise, ContentKind.Noise)
            from salt in Gen.Choose(0, int.MaxValue)
            select new Op(act, array, place, kind, salt);
        return Gen.Sized(size => Gen.ArrayOf(op, 40 + 3 * size));
    }
}
