namespace Paging.Stress.Driver;

/// <summary>One thread of a run: its chance, its log, its pages.</summary>
internal sealed class Worker(StressRun run, int id, ulong seed, StressPages pages)
{
    public Rng Rng = new(seed);
    private long _done;

    public int Id => id;

    public OperationLog Log { get; } = new(id);

    public StressPages Pages => pages;

    /// <summary>Operations finished; the watchdog reads it.</summary>
    public long Done => Volatile.Read(ref _done);

    public long Written { get; set; }

    public long Refused { get; private set; }

    public Exception? Error { get; private set; }

    public void Run(long operations, IReadOnlyList<StressArray> arrays)
    {
        try
        {
            for (long i = 0; i < operations && !run.Stopped; i++)
            {
                if (Rng.Next(64) == 0)
                    pages.Step(this);
                else
                    arrays[Rng.Next(arrays.Count)].Step(this);
                Volatile.Write(ref _done, i + 1);
            }
        }
        catch (Exception e)    // whatever it is, the run reports it with the seed and the log
        {
            Error = e;
            run.Stop();
        }
    }

    /// <summary>A refusal is in order when the data held are near the budget, and has figures; then some go.</summary>
    public void Refuse(OutOfPagingSpaceException e)
    {
        if (Refused++ % 64 == 0)
            run.JudgeRefusal(e);
        run.MakeRoom(this);
    }
}
