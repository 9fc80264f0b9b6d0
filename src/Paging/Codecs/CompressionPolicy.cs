using System.Runtime.CompilerServices;
using Paging.Codecs.Filters;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Codecs;

/// <summary>How the pages of one owner are compressed: by its goal, and by the filter that was asked for or that its pages have shown to be
/// best.</summary>
/// <remarks>Any number of threads encode by one policy at the same time. They share words that may be read a page late: the goal, the
/// choice, the count of pages in a row that did not shrink. Only one thread at a time is in the chooser, and the others do not wait for
/// it.</remarks>
internal sealed unsafe class CompressionPolicy
{
    /// <summary>The level of Zstd for pages that are stored out of a frame.</summary>
    internal const int StoreLevel = 1;

    /// <summary>So many pages in a row must fail to shrink before pages are stored without trying.</summary>
    private const int PatientFor = 8;

    /// <summary>The most pages that are stored without trying between two tries.</summary>
    private const int MaxUntried = 32;

    /// <summary>Pages that an owner stores with a chooser that it shares with others, before it gets its own.</summary>
    private const int SharedStores = 8;

    /// <summary>Null where the filter was asked for. Changes from shared to own, once.</summary>
    private FilterChooser? _chooser;

    /// <summary>Pages still to be stored with the shared chooser; 0 from then on. Without a lock: threads may overwrite each other's
    /// counts.</summary>
    private int _sharedStores;
    private int _goal;

    /// <summary>The filter that was asked for, packed as in a stored form.</summary>
    private readonly uint _filter;

    /// <summary>Pages in a row that were tried and did not shrink. Threads may overwrite each other's counts: it is a hint.</summary>
    private int _failures;

    /// <summary>Pages still to be stored without trying. A hint as well.</summary>
    private int _untried;

    /// <param name="elementBytes">The length of the owner's elements; 1 when nothing is known.</param>
    /// <param name="goal">The goal until it is changed.</param>
    /// <param name="filter">Null to let the pages decide.</param>
    /// <param name="shared">Where owners of a few pages find a chooser; null for a chooser of its own from the start.</param>
    internal CompressionPolicy(int elementBytes, CompressionGoal goal, PageFilter? filter, SharedChoosers? shared = null)
    {
        _goal = (int)goal;
        _filter = Pack(filter is { } fixedFilter ? FilterFor(fixedFilter, elementBytes) : Filter.None);
        if (filter is null)
        {
            _chooser = shared?.For(elementBytes, goal) ?? new FilterChooser(elementBytes);
            _sharedStores = shared is null ? 0 : SharedStores;
        }
    }

    private CompressionPolicy(CompressionPolicy other)
    {
        // In this order: an owner that has no shared chooser any more has one of its own, which begins with what it has found.
        _sharedStores = Volatile.Read(ref other._sharedStores) > 0 ? SharedStores : 0;
        _chooser = _sharedStores > 0 ? other.Chooser : other.Chooser?.Successor();
        _goal = (int)other.Goal;
        _filter = other._filter;
    }

    /// <summary>Applies to what is stored from now on.</summary>
    internal CompressionGoal Goal
    {
        get => (CompressionGoal)Volatile.Read(ref _goal);
        set
        {
            if (value != Goal && Volatile.Read(ref _sharedStores) > 0)
            {
                // Owners that share a chooser have one goal.
                HaveOwnChooser();
            }

            Shared.Write(SharedWord.Counter, ref _goal, (int)value);
        }
    }

    /// <summary>The filter for the next page.</summary>
    internal Filter Filter =>
        Shared.Read(SharedWord.Counter, ref _chooser) is { } chooser ? chooser.Current : StoredForm.Unpack(_filter).Filter;

    /// <summary>The filter that was asked for, where blosc has it as well; null where the pages are to decide.</summary>
    internal Filter? PortableFilter =>
        Chooser is null && StoredForm.Unpack(_filter).Filter is { Kind: <= FilterKind.BitShuffle, Stride: <= byte.MaxValue } filter
            ? filter
            : null;

    /// <summary>Says what choosing has cost so far; null where the filter was asked for.</summary>
    internal FilterChooser? Chooser => Volatile.Read(ref _chooser);

    /// <summary>A policy for a clone of the owner's pages: with the same goal, and what was found of filters so far.</summary>
    internal CompressionPolicy Copy() => new(this);

    /// <summary>Encodes a page, or copies it when it does not shrink.</summary>
    /// <param name="page">The page. If it changes meanwhile, what is stored means nothing.</param>
    /// <param name="length">Its length.</param>
    /// <param name="target">Room for the raw page.</param>
    /// <param name="form">How the bytes are to be read.</param>
    /// <returns>The number of bytes stored.</returns>
    internal int Encode(byte* page, int length, byte* target, out StoredForm form)
    {
        CompressionGoal goal = Goal;
        Codec codec = goal == CompressionGoal.Ratio ? Codec.Zstd : Codec.Lz4;
        form = new StoredForm(codec, Filter, StaysAsIs: goal is CompressionGoal.None or CompressionGoal.Speed);
        int encoded = goal == CompressionGoal.None || IsHopeless() ? -1 : TryEncode(goal, page, length, target, ref form);
        if (encoded > 0)
        {
            return encoded;
        }

        form = StoredForm.Raw with { StaysAsIs = form.StaysAsIs };
        Unsafe.CopyBlockUnaligned(target, page, (uint)length);
        return length;
    }

    private int TryEncode(CompressionGoal goal, byte* page, int length, byte* target, ref StoredForm form)
    {
        int limit = PageCodec.MaxEncoded(length);
        int encoded;
        FilterChooser? chooser = ChooserForStore();
        if (form.Filter.Kind != FilterKind.None
            && chooser is not null
            && chooser.TryEncodeTrivial(form with { Filter = Filter.None }, page, length, target) is > 0 and int trivial)
        {
            form = form with { Filter = Filter.None };
            chooser.Note(length, trivial);
            Note(shrank: true);
            return trivial;
        }

        if (chooser is not null && chooser.IsDue && chooser.TryEnter())
        {
            // The caller has the page, and every thread that wants it waits: so not more than this is tried at a time.
            try
            {
                encoded = chooser.Encode(goal, page, length, target, limit, ref form);
            }
            finally
            {
                chooser.Exit();
            }
        }
        else
        {
            encoded = PageCodec.TryEncode(form, StoreLevel, page, length, target, limit);
            chooser?.Note(length, encoded);
        }

        Note(encoded > 0);
        return encoded;
    }

    /// <summary>The chooser for the next page. After a few pages, which say that there will be more, the owner gets one of its
    /// own.</summary>
    private FilterChooser? ChooserForStore()
    {
        TestHook.Reach(SharedWord.Counter);
        int left = Volatile.Read(ref _sharedStores);
        if (left > 1)
        {
            Volatile.Write(ref _sharedStores, left - 1);
        }
        else if (left == 1)
        {
            HaveOwnChooser();
        }

        return Chooser;
    }

    /// <summary>Changes the shared chooser for one of its own; of several threads, the first does it. Where memory is short, the shared one
    /// stays.</summary>
    private void HaveOwnChooser()
    {
        FilterChooser? shared = Chooser;
        try
        {
            FilterChooser? own = shared?.Successor();
            TestHook.Reach(SharedWord.Counter);
            Volatile.Write(ref _sharedStores, 0);
            Interlocked.CompareExchange(ref _chooser, own, shared);
        }
        catch (OutOfMemoryException)
        {
            // Tried again at the next page.
        }
    }

    /// <summary>Whether this page is stored without trying, because so many pages before it did not shrink. The more there were in a row,
    /// the rarer the tries; the first page that shrinks ends it.</summary>
    private bool IsHopeless()
    {
        TestHook.Reach(SharedWord.Counter);
        int left = Volatile.Read(ref _untried);
        if (left <= 0)
        {
            return false;
        }

        Volatile.Write(ref _untried, left - 1);
        return true;
    }

    private void Note(bool shrank)
    {
        TestHook.Reach(SharedWord.Counter);
        int failures = Volatile.Read(ref _failures);
        if (shrank)
        {
            if (failures != 0)
            {
                Volatile.Write(ref _failures, 0);
            }

            return;
        }

        failures = Math.Min(failures + 1, PatientFor * MaxUntried);
        Volatile.Write(ref _failures, failures);
        Volatile.Write(ref _untried, failures / PatientFor);
    }

    /// <summary>The filter that a program asked for by name.</summary>
    internal static Filter FilterFor(PageFilter filter, int elementBytes)
    {
        int stride = ElementShape.StrideFor(elementBytes);
        return filter switch
        {
            PageFilter.Shuffle when stride > 1 => new Filter(FilterKind.Shuffle, stride, 1),
            PageFilter.BitShuffle => new Filter(FilterKind.BitShuffle, stride, 1),
            PageFilter.Delta => new Filter(FilterKind.DeltaShuffle, stride, ElementShape.LaneFor(stride)),
            _ => Filter.None,
        };
    }

    internal static uint Pack(Filter filter) => new StoredForm(Codec.Raw, filter).Pack();
}
