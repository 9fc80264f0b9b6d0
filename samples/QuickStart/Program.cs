// Holds more data than the memory it may use, reads and writes it from several threads, and proves that every byte came
// back. The part to start from is PagedJob.cs; everything else feeds it, watches it or checks it.
using QuickStart;

return await SampleProgram.Run("quickstart", () =>
{
    Options options = Options.Parse(args);
    if (options.ShowHelp)
    {
        Console.Write(Options.Usage);
        return Task.CompletedTask;
    }

    DataSet data = DataSet.Open(options.Paths);
    Workload work = new(data.Length, options);
    Budgets budgets = Budgets.Choose(options, data.Length);
    Phases phases = new(options.Threads, new ProgressBar());

    Report.Start(data, options, budgets);
    PagedResult paged = new PagedJob(data, work, budgets, phases).Run();
    MappedResult mapped = new MappedJob(data, work, paged.Checks, phases).Run();
    Report.End(data, paged, mapped);
    Console.WriteLine("all bytes verified");
    return Task.CompletedTask;
});
