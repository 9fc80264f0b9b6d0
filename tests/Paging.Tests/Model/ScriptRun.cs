namespace Paging.Tests.Model;

/// <summary>Runs a script against its model, and what must hold around every operation.</summary>
internal sealed class ScriptRun
{
    private const int MostHeld = 2;    // leases; fewer than any pager has frames

    private readonly Script _script;
    private readonly Pager _pager;
    private readonly List<ModelArray> _arrays;
    private readonly long _fileBytes;
    private int _refused;

    private ScriptRun(Script script, Pager pager)
    {
        _script = script;
        _pager = pager;
        _fileBytes = pager.Options.SwapFiles.Sum(file => file.Bytes);
        _arrays = [.. script.Plans.Select(plan => ModelArray.Create(pager, plan))];
    }

    private long Storage => _pager.GetStatistics().PoolBudgetBytes + _fileBytes;

    /// <param name="script">What is done.</param>
    /// <param name="loaded">Whether the arrays are full of contents that shrink little to begin with.</param>
    /// <param name="files">Behind the pool.</param>
    /// <returns>What the pager had counted before it was emptied.</returns>
    public static PagerStatistics Execute(Script script, bool loaded, params SwapFileOptions[] files)
    {
        var options = new PagerOptions
        {
            ResidentBytes = (long)script.Frames * script.LargestPage,
            PoolBytes = script.PoolBytes,
            PageBytes = script.LargestPage,
            BackgroundThreads = script.BackgroundThreads,
            SwapFiles = files,
        };
        using var pager = new Pager(options);
        var run = new ScriptRun(script, pager);
        if (loaded)
            run._arrays.ForEach(array => array.Load((ulong)script.Frames));
        for (int i = 0; i < script.Ops.Length;)
            i = run.Step(i, held: 0);
        return run.Finish();
    }

    /// <summary>Runs the operation at <paramref name="i"/>, and those that run within it; returns the next one's index.</summary>
    private int Step(int i, int held)
    {
        Op op = _script.Ops[i++];
        ModelArray array = _arrays[op.Array];
        if (op.Act is Act.HoldRead or Act.HoldWrite)
        {
            if (held == MostHeld || i == _script.Ops.Length)
                return i;
            array.Hold(op, () => i = Step(i, held + 1));
        }
        else if (op.Act is Act.Resize)
        {
            Resize(op);
        }
        else
        {
            Try(() => array.Apply(op), mustFit: op.Act is Act.Get or Act.CopyTo or Act.Renew || array.ReadsWhatIsStored(op));
        }

        PagerStatistics now = _pager.GetStatistics();
        Assert.InRange(now.ResidentBytes, 0, now.ResidentBudgetBytes);
        Assert.InRange(now.PoolBytes, 0, now.PoolBudgetBytes);
        Assert.InRange(now.FileBytes, 0, _fileBytes);
        return i;
    }

    /// <summary>A quarter of the frames to all of them, and as much of the pool as leaves room for data that always fit.</summary>
    private void Resize(Op op)
    {
        PagerStatistics before = _pager.GetStatistics();
        int frames = Math.Max(6, _script.Frames * (256 + op.Place.Position * 3 / 4) / 1024);
        long pool = _script.PoolBytes * (640 + op.Salt % 385) / 1024;
        try
        {
            _pager.Resize((long)frames * _script.LargestPage, pool);
        }
        catch (OutOfPagingSpaceException e)
        {
            Assert.True(_arrays.Sum(array => array.HeldBytes) >= (pool + _fileBytes) / 2, $"Not resized: {e.Message}");
            PagerStatistics after = _pager.GetStatistics();
            Assert.Equal(before.ResidentBudgetBytes, after.ResidentBudgetBytes);
            if (pool <= before.PoolBudgetBytes)
                Assert.Equal(before.PoolBudgetBytes, after.PoolBudgetBytes);
            if (_refused++ % 4 == 0)
                _arrays.ForEach(array => array.Verify());
        }
    }

    private void Try(Action operation, bool mustFit)
    {
        try
        {
            operation();
        }
        catch (OutOfPagingSpaceException e)
        {
            long held = _arrays.Sum(array => array.HeldBytes);
            Assert.False(mustFit, $"A read was refused: {e.Message}");
            Assert.True(held >= Storage / 2, $"Refused, with {held} bytes held: {e.Message}");
            Assert.NotEqual(default, e.Statistics);
            if (_refused++ % 4 == 0)
                _arrays.ForEach(array => array.Verify());
            if (_refused % 3 == 0)
                GoOnAfterMakingRoom(operation);
        }
    }

    /// <summary>Once half of the pool is enough for all that is left, the refused operation succeeds.</summary>
    private void GoOnAfterMakingRoom(Action operation)
    {
        for (int i = 0; _arrays.Sum(array => array.HeldBytes) > Storage / 4; i++)
            _arrays[i].DiscardAll();
        operation();
    }

    private PagerStatistics Finish()
    {
        _arrays.ForEach(array => array.Verify());
        PagerStatistics counted = _pager.GetStatistics();
        _arrays.ForEach(array => array.Dispose());
        Settled.Empty(_pager);
        return counted;
    }
}
