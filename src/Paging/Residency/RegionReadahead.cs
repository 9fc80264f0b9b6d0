using System.Diagnostics.CodeAnalysis;
using Paging.Memory;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Residency;

/// <summary>The streams of one array, and who may look at them: faults say what they need, and threads of the background take pages to bring
/// in.</summary>
/// <remarks>
/// The streams are guarded by a word that is Free or Held. A fault does not wait for it: when it is held, the fault says nothing, and the
/// next one of its stream does. Whoever has it looks at words, those of a stream's distance at most, and waits for nothing.
///
/// Where the reader is among pages that are in frames is not told by hits, which would have to pay for it. It is seen from the pages that
/// the streams brought in: those that have been used.
/// </remarks>
internal sealed unsafe class RegionReadahead
{
    /// <summary>Bytes of pages that a stream may be ahead of its reader; and <see cref="AccessStreams.MaxDistance"/> pages.</summary>
    private const int MaxBytes = 8 << 20;

    /// <summary>The share of a page size's frames that pages brought in ahead and not used yet may take.</summary>
    private const int Share = 4;

    /// <summary>Looks in vain after which it is looked at no more until a fault says that there is something.</summary>
    private const int MaxQuietLooks = 64;

    /// <summary>Frames that are looked at when that share is used up.</summary>
    private const int ReviewedAtOnce = 128;

    private const int Free = 0;
    private const int Held = 1;

    /// <summary>Weak, since the pager knows this object, and nothing else may keep a dropped array.</summary>
    private readonly WeakReference<PagedRegion> _region;
    private readonly Readahead _readahead;
    private readonly AccessStreams _streams;
    private readonly TimeProvider _time;
    private ReadaheadTrial _trial;
    private int _held;
    private int _sawFile;
    private int _quietLooks;
    private int _firstStream;
    private int _active;

    internal RegionReadahead(PagedRegion region, Readahead readahead)
    {
        _time = readahead.Time;
        _region = new WeakReference<PagedRegion>(region);
        _readahead = readahead;
        int distance = (int)Math.Min(Math.Max(2, MaxBytes >> region.Frames.PageShift), region.Frames.MaxFrames / Share);
        SetPages = ReadaheadSets.SetOf(distance);
        _streams = new AccessStreams(region.PageCount, distance, SetPages);
    }

    /// <summary>Pages that are read from files at once. As the distance it stays what it was with the budget of the first stream.</summary>
    internal int SetPages { get; }

    /// <summary>Whether it is among those that threads look at, or about to be.</summary>
    internal bool IsActive => Shared.Read(SharedWord.Stream, ref _active) != 0;

    /// <summary>0 → 1: races with other faults of the array. Who wins gives it a place; so it has one at most.</summary>
    /// <returns>False when it has a place, or another thread is about to give it one.</returns>
    internal bool TryActivate() => !IsActive && Shared.CompareExchange(SharedWord.Stream, ref _active, 1, 0) == 0;

    /// <summary>1 → 0, with release: by the thread that has taken it out of its place, or has found no place for it.</summary>
    internal void Deactivate() => Shared.Write(SharedWord.Stream, ref _active, 0);

    /// <summary>A page has to be brought in for an access, or is on its way and waited for.</summary>
    /// <returns>Whether it is one of a stream. When another thread has the streams, they are in use: then, too.</returns>
    internal bool OnFault(long page)
    {
        if (!TryHold())
        {
            return true;
        }

        bool isOfStream = _streams.OnFault(page);
        bool isWorthWhile = isOfStream && Pays() && _streams.HasRoom();
        LetGo();
        if (isWorthWhile)
        {
            _readahead.Want(this);
        }

        return isOfStream;
    }

    /// <summary>A page came from a file. By the thread that has brought it in; it waits for nothing.</summary>
    internal void NoteFile()
    {
        // 0 → 1, and back by the thread that holds the streams. Of notes that come at the same time, one is as good as all.
        if (Shared.Read(SharedWord.Stream, ref _sawFile) == 0)
        {
            Shared.Write(SharedWord.Stream, ref _sawFile, 1);
        }
    }

    /// <inheritdoc cref="AccessStreams.SetPattern"/>
    internal void SetPattern(PageAdvice pattern, long first, long end)
    {
        Hold();
        _streams.SetPattern(pattern, first, end);
        LetGo();
    }

    internal bool TryGetRegion([NotNullWhen(true)] out PagedRegion? region) => _region.TryGetTarget(out region);

    /// <summary>Takes pages of one stream that are to be brought in.</summary>
    /// <param name="region">The array.</param>
    /// <param name="taken">Room for as many as may be taken.</param>
    /// <returns>How many they are.</returns>
    internal int Take(PagedRegion region, Span<StreamPage> taken)
    {
        FrameClass frames = region.Frames;
        long share = frames.MaxFrames / Share;
        long most = RoomAhead(frames, share);
        if (most <= 0 && _streams.AheadOfAll < share / 2 && _readahead.Fetcher.ReviewAhead(frames, ReviewedAtOnce, patience: share))
        {
            // Most of what was brought in ahead was not for readers that this array has now.
            most = RoomAhead(frames, share);
        }

        if (region.IsClosing || most <= 0)
        {
            return 0;
        }

        most = Math.Min(most, taken.Length);
        Hold();
        int count = 0;
        for (int i = 0; i < AccessStreams.MaxStreams && count == 0; i++)
        {
            int stream = (_firstStream + i) % AccessStreams.MaxStreams;
            if (!_streams.IsStream(stream))
            {
                continue;
            }

            Follow(region, stream);
            if (_trial.IsOn && _streams.HasRoom(stream))
            {
                while (count < most && _streams.TryTake(stream, out taken[count]))
                {
                    count++;
                }
            }
        }

        if (count > 0)
        {
            _firstStream = (taken[0].Stream + 1) % AccessStreams.MaxStreams;
        }

        LetGo();
        return count;
    }

    /// <inheritdoc cref="AccessStreams.IsLeft"/>
    internal bool IsLeft(in StreamPage taken) => _streams.IsLeft(taken);

    /// <inheritdoc cref="AccessStreams.IsPassed"/>
    internal bool IsPassed(in StreamPage taken) => _streams.IsPassed(taken);

    /// <summary>What became of pages that were taken; of those that were left to the reader, <see cref="BroughtIn.Failed"/>.</summary>
    internal void OnBroughtIn(ReadOnlySpan<StreamPage> taken, ReadOnlySpan<BroughtIn> outcomes)
    {
        Hold();
        for (int i = 0; i < outcomes.Length; i++)
        {
            BroughtIn outcome = outcomes[i];
            if (outcome is BroughtIn.NoFrame or BroughtIn.Closed)
            {
                _streams.Stop(taken[i]);
            }
            else
            {
                _streams.OnBroughtIn(taken[i], isFilled: outcome == BroughtIn.Filled, isHit: outcome == BroughtIn.Resident);
            }
        }

        LetGo();
    }

    /// <summary>Whether it has been looked at in vain for so long that nobody needs to any more.</summary>
    /// <param name="isVain">Whether this look was.</param>
    internal bool IsQuiet(bool isVain)
    {
        // Threads that look at the same time may lose a look.
        int looks = isVain ? Volatile.Read(ref _quietLooks) + 1 : 0;
        Volatile.Write(ref _quietLooks, looks);
        return looks > MaxQuietLooks;
    }

    /// <summary>How many more pages may be brought in ahead. Those in flight are not counted: each thread may go beyond the share by what it
    /// takes at once.</summary>
    private static long RoomAhead(FrameClass frames, long share) => share - frames.Replacement.FramesAhead;

    /// <summary>Whether it pays to read ahead now. By the holder of the streams.</summary>
    private bool Pays()
    {
        if (Shared.Read(SharedWord.Stream, ref _sawFile) != 0)
        {
            Shared.Write(SharedWord.Stream, ref _sawFile, 0);
            _trial.NoteFile();
        }

        if (_trial.IsDue(_streams.Steps))
        {
            _trial.OnSteps(_streams.Steps, (long)_time.GetElapsedTime(0).TotalMicroseconds);
        }

        _streams.IsSlow = _trial.ReadsFile;
        return _trial.IsOn;
    }

    /// <summary>Sees how far the reader has come since.</summary>
    private void Follow(PagedRegion region, int stream)
    {
        int used = 0;
        int ahead = _streams.AheadOf(stream);
        for (int i = 1; i <= ahead; i++)
        {
            if (!_streams.IsBroughtIn(stream, i))
            {
                continue;
            }

            AheadUse use = PageFetcher.UseOf(region, _streams.PageAt(stream, i));
            if (use == AheadUse.NotYet)
            {
                break;
            }

            used = use == AheadUse.Used ? i : used;
        }

        if (used == 0)
        {
            return;
        }

        // The policy hears of those that the reader is done with. Where it is now it will touch the page many times more.
        for (int i = 0; i < used; i++)
        {
            if (_streams.IsBroughtIn(stream, i))
            {
                _readahead.Fetcher.NoteUsedAhead(region, _streams.PageAt(stream, i));
            }
        }

        _streams.OnUsed(stream, used);
    }

    /// <summary>Free → Held: races with faults and threads of the background.</summary>
    private bool TryHold() =>
        Shared.Read(SharedWord.Stream, ref _held) == Free
        && Shared.CompareExchange(SharedWord.Stream, ref _held, Held, Free) == Free;

    private void Hold()
    {
        Spinner spinner = default;
        while (!TryHold())
        {
            spinner.Once();
        }
    }

    /// <summary>Held → Free, by the holder, with release.</summary>
    private void LetGo() => Shared.Write(SharedWord.Stream, ref _held, Free);
}
