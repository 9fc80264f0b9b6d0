// A table of embeddings larger than the memory it may use: built, saved, opened again, and searched. BruteForce.cs and InvertedLists.cs
// are the parts to start from, TensorViews.cs shows pages as tensors; VectorSource.cs only makes data.
using System.Collections.Concurrent;
using System.Diagnostics;
using Embeddings;
using Paging;

return await SampleProgram.Run("embeddings", async () =>
{
    Options options = Options.Parse(args);
    if (options.ShowHelp)
    {
        Console.Write(Options.Usage);
        return;
    }

    using VectorSource source = options.NpyPath is { } path
        ? new NpyVectors(path)
        : new GeneratedVectors(options.Rows, options.Columns, options.Seed);
    await new Job(options, source).Run();
    Console.WriteLine("all results verified");
});

internal sealed class Job(Options options, VectorSource source)
{
    private readonly long _dataBytes = (long)source.Rows * source.Columns * sizeof(float);

    public async Task Run()
    {
        if (options.Cells > source.Rows)
            throw new InputException($"--cells {options.Cells}: the table has only {source.Rows} rows");
        if ((long)source.Rows * source.Columns > Array.MaxLength)
            throw new InputException($"--rows {source.Rows}: the plain array that results are checked with cannot have so many elements");

        Console.WriteLine($"{source.Rows:n0} rows of {source.Columns:n0} float32, {Sizes.Format(_dataBytes)}; budgets: "
            + $"{Sizes.Format(options.ResidentBytes)} of frames, {Sizes.Format(options.PoolBytes)} of compressed pool");
        using ScratchFolder folder = new(options.DatasetFolder, "embeddings-");
        string dataset = folder.File("embeddings.zarr");

        using Pager pager = new(new PagerOptions { ResidentBytes = options.ResidentBytes, PoolBytes = options.PoolBytes });
        await Build(pager, folder.Path, dataset);
        Search(pager, dataset);
    }

    // While it is built, the table has no other home than the pager. Frames and pool are too small for all of it, so a swap file takes
    // the rest; it goes when the table is saved.
    private async Task Build(Pager pager, string swapFolder, string dataset)
    {
        long swapBytes = ((_dataBytes / 4 * 5) + (64 << 20)) >> 20 << 20;
        SwapFile swap = pager.AddSwapFile(new SwapFileOptions { Path = swapFolder, Bytes = swapBytes });
        using (PagedMatrix<float> table = source.CreateTable(pager))
        {
            Timed("build (WriteRow)", _dataBytes, progress => ForAllRows(table.RowsPerPage, progress, row =>
            {
                using WriteLease<float> place = table.WriteRow(row);
                source.Write(row, place.Span);
            }));
            PagerStatistics now = pager.GetStatistics();
            Note($"{Sizes.Format(now.PoolLogicalBytes)} stored in {Sizes.Format(now.PoolStoredBytes)} of pool, "
                + $"{Sizes.Format(now.FileBytes)} of swap file");
            Timed("save as Zarr v3", _dataBytes, progress => table.Save(dataset, new DatasetOptions { Overwrite = true }, progress));
        }

        await pager.RemoveSwapFileAsync(swap);
        long saved = new DirectoryInfo(dataset).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        Note($"{Sizes.Format(saved)} on disk, ratio {(double)_dataBytes / saved:0.00}");
    }

    private void Search(Pager pager, string dataset)
    {
        PagerStatistics before = pager.GetStatistics();
        long start = Stopwatch.GetTimestamp();
        using PagedMatrix<float> table = pager.OpenMatrix<float>(dataset, new PagedArrayOptions { Name = "embeddings.zarr" });
        Note($"opened in {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0.00} ms, pages of {Sizes.Format(table.PageBytes)}");

        float[][] queries = [.. Enumerable.Range(0, options.Queries).Select(query =>
        {
            float[] vector = new float[source.Columns];
            source.ReadQuery(query, vector);
            return vector;
        })];

        (double byLease, double byTensor) = Timed("sum of it, twice", 2 * _dataBytes, _ => TensorViews.Sum(table));
        if (Math.Abs(byLease - byTensor) > 1e-5 * _dataBytes)
            throw new DifferenceException($"the sum of all elements is {byLease} by leases, and {byTensor} by tensors");

        TimeSpan waited = default;
        Neighbour[][] exact = Timed("search all rows", _dataBytes, _ => BruteForce.Search(table, queries, out waited));
        Note($"{queries.Length} queries in one pass, top {BruteForce.K} each; waited {waited.TotalSeconds:0.00} s for batches");
        Timed("the same for one query", _dataBytes, _ => BruteForce.Search(table, queries[..1], out TimeSpan _));

        InvertedLists index = Timed("k-means on a sample", 0, _ => InvertedLists.Train(table, options.Cells, options.Seed));
        Timed("assign all rows", _dataBytes, _ => index.AssignAll());
        Neighbour[][] approximate = SearchCells(pager, index, queries);

        PagerStatistics after = pager.GetStatistics();
        long resident = ProcessMemory.Resident;
        long peak = ProcessMemory.Peak;
        Verify(table, queries, exact);
        Note($"recall@{BruteForce.K} of the cells {Recall(exact, approximate):p1}");
        Report(before, after, resident, peak);
    }

    private Neighbour[][] SearchCells(Pager pager, InvertedLists index, float[][] queries)
    {
        long looked = 0;
        long faults = pager.GetStatistics().Faults;
        long start = Stopwatch.GetTimestamp();
        Neighbour[][] found = Timed("search the nearest cells", 0, _ => queries.Select(query =>
        {
            Neighbour[] nearest = index.Search(query, options.Probes, out long rows);
            looked += rows;
            return nearest;
        }).ToArray());
        Note($"{Stopwatch.GetElapsedTime(start).TotalMilliseconds / queries.Length:0.0} ms a query, which gathers "
            + $"{(double)looked / queries.Length / source.Rows:p1} of the rows ({options.Probes} of {options.Cells} cells) in "
            + $"{(pager.GetStatistics().Faults - faults) / queries.Length:n0} faults");
        return found;
    }

    // Every row, and every neighbour with its score to the last bit, against a plain array that has never seen a page.
    private void Verify(PagedMatrix<float> table, float[][] queries, Neighbour[][] exact)
    {
        int columns = source.Columns;
        float[] control = new float[source.Rows * columns];
        Timed("verify all rows", _dataBytes, progress => ForAllRows(table.RowsPerPage, progress, row =>
        {
            Span<float> expected = control.AsSpan(row * columns, columns);
            source.Read(row, expected);
            using ReadLease<float> actual = table.ReadRow(row);
            if (!actual.Span.SequenceEqual(expected))
                throw new DifferenceException($"row {row} is not what it was made of");
        }));

        Neighbour[][] expected = Timed("search the plain array", _dataBytes, _ => BruteForce.Search(control, queries));
        for (int query = 0; query < queries.Length; query++)
        {
            if (!exact[query].AsSpan().SequenceEqual(expected[query]))
                throw new DifferenceException($"the nearest of query {query} are {string.Join(", ", exact[query])} in the paged table, "
                    + $"and {string.Join(", ", expected[query])} in a plain array");
        }

        Note($"the nearest of all {queries.Length} queries are the same, bit for bit");
    }

    private static double Recall(Neighbour[][] exact, Neighbour[][] approximate) =>
        exact.Zip(approximate, (all, some) => (double)all.Intersect(some).Count() / all.Length).Average();

    private static void Report(PagerStatistics before, PagerStatistics after, long resident, long peak)
    {
        Console.WriteLine();
        Console.WriteLine($"  frames    {Sizes.Format(after.ResidentBytes),10} of {Sizes.Format(after.ResidentBudgetBytes)}");
        Console.WriteLine($"  pool      {Sizes.Format(after.PoolBytes),10} of {Sizes.Format(after.PoolBudgetBytes)}, "
            + $"{Sizes.Format(after.PoolLogicalBytes)} of pages in {Sizes.Format(after.PoolStoredBytes)}");
        Console.WriteLine($"  metadata  {Sizes.Format(after.MetadataBytes),10}");
        Console.WriteLine($"  process   {Sizes.Format(resident),10} (VmRSS) before the plain array was made; peak {Sizes.Format(peak)}");
        Console.WriteLine($"  faults    {after.Faults - before.Faults,10:n0}, {after.FaultsFromPool - before.FaultsFromPool:n0} from the "
            + $"pool, {after.FaultsFromFile - before.FaultsFromFile:n0} from the dataset");
        Console.WriteLine();
    }

    // Threads take ranges of whole pages, so that no two of them want the same one.
    private void ForAllRows(int rowsPerPage, ProgressLine progress, Action<int> body)
    {
        int done = 0;
        Parallel.ForEach(Partitioner.Create(0, source.Rows, 64 * rowsPerPage), range =>
        {
            for (int row = range.Item1; row < range.Item2; row++)
                body(row);
            progress.Report((double)Interlocked.Add(ref done, range.Item2 - range.Item1) / source.Rows);
        });
    }

    private static void Timed(string name, long bytes, Action<ProgressLine> body) =>
        Timed(name, bytes, progress =>
        {
            body(progress);
            return true;
        });

    private static T Timed<T>(string name, long bytes, Func<ProgressLine, T> body)
    {
        long start = Stopwatch.GetTimestamp();
        T result;
        using (ProgressLine progress = new(name))
        {
            result = body(progress);
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        string speed = bytes == 0 ? "" : $"  {bytes / seconds / (1 << 20),8:n0} MiB/s";
        Console.WriteLine($"  {name,-26} {seconds,6:0.00} s{speed}");
        return result;
    }

    private static void Note(string text) => Console.WriteLine($"    {text}");
}
