namespace Paging.Tests.Model;

/// <summary>Runs a script against its model, and what must hold around every operation.</summary>
internal sealed class ScriptRun
{
    private const int MostHeld = 2;    // leases; fewer than any pager has frames

    private readonly Script _script;
    private readonly Pager _pager;
    private readonly List<ModelArray> _arrays;
    private readonly long _storage;
    private int _refused;

    private ScriptRun(Script script, Pager pager)
    {
        _script = script;
        _pager = pager;
        _storage = pager.Options.PoolBytes + pager.Options.SwapFiles.Sum(file => file.Bytes);
        _arrays = [.. script.Plans.Select(plan => ModelArray.Create(pager, plan))];
    }

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
        else
        {
            Try(() => array.Apply(op), mustFit: op.Act is Act.Get or Act.CopyTo or Act.Renew || array.ReadsWhatIsStored(op));
        }

        PagerStatistics now = _pager.GetStatistics();
        Assert.InRange(now.ResidentBytes, 0, _pager.Options.ResidentBytes);
        Assert.InRange(now.PoolBytes, 0, _pager.Options.PoolBytes);
        Assert.InRange(now.FileBytes, 0, _storage - _pager.Options.PoolBytes);
        return i;
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
            Assert.True(held >= _storage / 2, $"Refused, with {held} bytes held: {e.Message}");
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
        for (int i = 0; _arrays.Sum(array => array.HeldBytes) > _storage / 4; i++)
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
