// Holds more data than the memory it may use, reads and writes it from several threads, and proves that every byte came
// back. The part to start from is PagedJob.cs; everything else feeds it, watches it or checks it.
using Paging;

namespace QuickStart;

internal static class Program
{
    private const int Verified = 0;
    private const int Differs = 1;
    private const int BadInput = 2;

    private static int Main(string[] args)
    {
        try
        {
            Options options = Options.Parse(args);
            if (options.ShowHelp)
            {
                Console.Write(Options.Usage);
                return Verified;
            }

            Run(options);
            Console.WriteLine("all bytes verified");
            return Verified;
        }
        catch (DifferenceException e)
        {
            return Fail(Differs, e.Message);
        }
        catch (PageCorruptedException e)
        {
            return Fail(Differs, e.Message);
        }
        catch (InputException e)
        {
            return Fail(BadInput, e.Message);
        }
    }

    private static void Run(Options options)
    {
        DataSet data = DataSet.Open(options.Paths);
        Workload work = new(data.Length, options);
        Budgets budgets = Budgets.Choose(options, data.Length);
        Phases phases = new(options.Threads, new ProgressBar());

        Report.Start(data, options, budgets);
        PagedResult paged = new PagedJob(data, work, budgets, phases).Run();
        MappedResult mapped = new MappedJob(data, work, paged.Checks, phases).Run();
        Report.End(data, paged, mapped);
    }

    private static int Fail(int exitCode, string message)
    {
        // One line, whatever the message: scripts read it, and so do people.
        Console.Error.WriteLine("quickstart: " + message.ReplaceLineEndings(" "));
        return exitCode;
    }
}
