namespace Paging.Benchmarks.Workloads;

/// <summary>Our side of the writeback workloads: a pool filled with raw pages, pushed out into its file.</summary>
/// <remarks>The pages are random: they are encoded, found not to shrink, and stored as they are, which fills the pool as fast as can be.
/// That is not timed. Timed is what writeback does with a segment, the same whatever is in it: the choice, the writing, the
/// end of it, and giving its memory back.</remarks>
internal sealed class PushedSegments : ISide, IDisposable
{
    private const long PoolBytes = 256L << 20; // segments of 1 MiB
    private const long FilledBytes = 96L << 20;

    private readonly PageSet _pages;
    private readonly bool _fresh;
    private readonly Func<SwapStage> _make;
    private readonly SwapId[] _ids;
    private SwapStage? _stage;

    /// <param name="pages">Random ones.</param>
    /// <param name="fresh">A new file for each pass, never written before; otherwise always the same one.</param>
    public PushedSegments(PageSet pages, string directory, bool encrypt, bool fresh)
    {
        _pages = pages;
        _fresh = fresh;
        _ids = new SwapId[FilledBytes / pages.PageBytes];
        _make = () => new SwapStage(
            new PagerOptions
            {
                ResidentBytes = 64L * pages.PageBytes,
                PoolBytes = PoolBytes,
                PageBytes = pages.PageBytes,
                BackgroundThreads = 0,
            },
            new SwapFileOptions { Path = directory, Bytes = FilledBytes / 8 * 9, Encrypt = encrypt });
        Prepare();
        Segments = Run().Operations;
        SegmentBytes = RawFile.WholeBlocks(Stage.Statistics.BytesWritten / Stage.Statistics.Writebacks);
    }

    public SwapStage Stage => _stage!;

    /// <summary>In a pass.</summary>
    public long Segments { get; }

    /// <summary>What is written of one.</summary>
    public long SegmentBytes { get; }

    public void Prepare()
    {
        if (_fresh)
        {
            _stage?.Dispose();
            _stage = null;
        }
        else if (_stage is not null)
        {
            Array.ForEach(_ids, _stage.Space.Free);
        }

        _stage ??= _make();
        for (int i = 0; i < _ids.Length; i++)
        {
            _ids[i] = _stage.Space.Store(_pages.Bytes(i % _pages.Count));
        }
    }

    public Outcome Run()
    {
        long before = Stage.Statistics.Writebacks;
        Stage.PushOut();
        return new Outcome(Stage.Statistics.Writebacks - before, 0);
    }

    public void Verify()
    {
        if (Stage.Statistics.FilePages < _ids.Length / 2)
        {
            throw new InvalidOperationException("Most pages should be in the file by now.");
        }

        byte[] read = new byte[_pages.PageBytes];
        for (int i = 0; i < _ids.Length; i += 7)
        {
            _ = Stage.Space.Load(_ids[i], read);
            _pages.Verify(i % _pages.Count, read, "a swap file");
        }
    }

    public void Dispose() => _stage?.Dispose();
}
