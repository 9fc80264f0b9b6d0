// What a program that installed the package may do, under budgets so small that nearly every access faults: the data
// is eight times the resident set. Prints "consumer: ok" and exits with 0, or says what differs and exits with 1.
using Paging;

const int Elements = 2 << 20; // 8 MiB of int

try
{
    using var pager = new Pager(new PagerOptions
    {
        ResidentBytes = 1 << 20,
        PoolBytes = 32 << 20,
        PageBytes = 16 << 10,
        BackgroundThreads = 1,
    });

    CheckArray(pager);
    CheckMatrix(pager);
    CheckOddSizedElements(pager);
    CheckSwap(pager);
    await CheckAhead(pager);
    CheckBatches(pager);
    CheckDataset(pager);

    PagerStatistics statistics = pager.GetStatistics();
    Require(statistics.Evictions > 0 && statistics.FaultsFromPool > 0, "nothing was paged");
    Require(statistics.ResidentBytes <= 1 << 20, "the resident budget was exceeded");
    Require(statistics.PoolBytes <= 32 << 20, "the pool's budget was exceeded");
    Require(statistics.Pins == 0, "a lease was leaked");
    await CheckSwapFile();
    CheckCompression();
}
catch (InvalidDataException e)
{
    Console.Error.WriteLine($"consumer: {e.Message}");
    return 1;
}

Console.WriteLine("consumer: ok");
return 0;

static int Pattern(long i) => (int)(i >> 3) * 31;

// Without waiting, ahead of demand, across an await, and several pages as one.
static async Task CheckAhead(Pager pager)
{
    using PagedArray<int> array = pager.Allocate<int>(Elements);
    array.Fill(0, array.Length, 3);
    await array.PrefetchAsync(0, 4L * array.PageLength);
    while (!TryFirst(array, out int first))
    {
        await Task.Yield();
        Require(first is 0 or 3, "TryRead shows something else");
    }

    using (PageOwner<int> owner = await array.PinAsync(7L * array.PageLength, writable: true))
    {
        owner.Memory.Span[0] = 4;
        await Task.Yield();
        Require(owner.Memory.Span[0] == 4 && pager.GetStatistics().Pins == 1, "the pin was lost");
    }

    using PagedSequence<int> sequence = array.ReadSequence(7L * array.PageLength, 2L * array.PageLength);
    long sum = 0;
    foreach (ReadOnlyMemory<int> part in sequence.Sequence)
    {
        foreach (int value in part.Span)
        {
            sum += value;
        }
    }

    Require(sum == (3L * 2 * array.PageLength) + 1, "the sequence differs");
}

// Saved as others read it, and opened again.
static void CheckDataset(Pager pager)
{
    string path = Path.Combine(Path.GetTempPath(), $"paging-consumer-{Guid.NewGuid():N}");
    try
    {
        using (PagedMatrix<float> matrix = pager.AllocateMatrix<float>(5_000, 100))
        {
            for (int row = 0; row < matrix.Rows; row++)
            {
                using WriteLease<float> lease = matrix.WriteRow(row);
                lease.Span.Fill(row / 2f);
            }

            matrix.Save(path, new DatasetOptions { ShardBytes = 1 << 20 });
        }

        using PagedMatrix<float> opened = pager.OpenMatrix<float>(path);
        for (int row = 0; row < opened.Rows; row++)
        {
            using ReadLease<float> lease = opened.ReadRow(row);
            Require(lease.Span.IndexOfAnyExcept(row / 2f) < 0, "a dataset differs");
        }
    }
    finally
    {
        Directory.Delete(path, recursive: true);
    }
}

static bool TryFirst(PagedArray<int> array, out int first)
{
    bool isThere = array.TryRead(0, out ReadLease<int> lease);
    first = isThere ? lease.Span[0] : 0;
    lease.Dispose();
    return isThere && first == 3;
}

static void CheckBatches(Pager pager)
{
    const int Rows = 3000;
    using PagedMatrix<long> matrix = pager.AllocateMatrix<long>(Rows, 200);
    for (int row = 0; row < Rows; row++)
    {
        matrix.Fill(row, 1, row);
    }

    long[] wanted = [2999, 0, 1500, 0, 7];
    long[] gathered = new long[wanted.Length * 200];
    matrix.Gather(wanted, gathered);
    for (int i = 0; i < gathered.Length; i++)
    {
        Require(gathered[i] == wanted[i / 200], $"gathered element {i} differs");
    }

    using BatchReader<long> batches = matrix.ReadBatches(RowOrder.Shuffled(Rows, seed: 5), batchRows: 64);
    long sum = 0;
    while (batches.MoveNext())
    {
        for (int i = 0; i < batches.Rows.Length; i++)
        {
            Require(batches.Current[i * 200] == batches.Rows[i], "a batch shows another row");
            sum += batches.Rows[i];
        }
    }

    Require(sum == (long)Rows * (Rows - 1) / 2, "an epoch has not every row once");
}

static void CheckArray(Pager pager)
{
    using PagedArray<int> array = pager.Allocate<int>(Elements, new PagedArrayOptions { Name = "numbers" });
    Require(array.Length == Elements && array.PageCount * array.PageLength >= Elements, "the array has the wrong shape");
    Require(array[Elements - 1] == 0, "an untouched page is not zero");

    for (long start = 0; start < array.Length;)
    {
        using WriteLease<int> lease = array.Write(start);
        for (int i = 0; i < lease.Span.Length; i++)
        {
            lease.Span[i] = Pattern(start + i);
        }

        start += lease.Span.Length;
    }

    var random = new Random(1);
    for (int n = 0; n < 20_000; n++)
    {
        long i = random.NextInt64(array.Length);
        Require(array[i] == Pattern(i), $"element {i} differs");
    }

    array[12_345] = -1;
    Require(array[12_345] == -1, "a written element differs");
    array[12_345] = Pattern(12_345);

    int[] copy = new int[100_000];
    array.CopyTo(54_321, copy);
    for (int i = 0; i < copy.Length; i++)
    {
        Require(copy[i] == Pattern(54_321 + i), $"copied element {i} differs");
    }

    array.Fill(10, 50_000, 7);
    array.Discard(20_000, 20_000);
    for (long i = 0; i < 60_000; i++)
    {
        int expected = i is >= 20_000 and < 40_000 ? 0 : i is >= 10 and < 50_010 ? 7 : Pattern(i);
        Require(array[i] == expected, $"element {i} differs after Fill and Discard");
    }

    array.CopyFrom(54_321, copy);
    using ReadLease<int> last = array.Read(Elements - 5, 5);
    Require(last.Span.Length == 5 && last.Span[4] == Pattern(Elements - 1), "the last elements differ");
}

static void CheckMatrix(Pager pager)
{
    using PagedMatrix<float> matrix = pager.AllocateMatrix<float>(5_000, 300);
    for (long row = 0; row < matrix.Rows; row++)
    {
        using WriteLease<float> lease = matrix.WriteRow(row);
        Require(lease.Span.Length == matrix.Columns, "a row has the wrong length");
        lease.Span.Fill(row);
    }

    for (long row = matrix.Rows - 1; row >= 0; row--)
    {
        using ReadLease<float> lease = matrix.ReadRow(row);
        Require(lease.Span.IndexOfAnyExcept(row) < 0, $"row {row} differs");
    }

    Require(matrix[4_321, 299] == 4_321, "an element of the matrix differs");
}

static void CheckOddSizedElements(Pager pager)
{
    decimal[] source = new decimal[200_000];
    for (int i = 0; i < source.Length; i++)
    {
        source[i] = i / 8m;
    }

    using PagedArray<decimal> prices = pager.From<decimal>(source);
    using PagedArray<(float X, float Y, float Z)> points = pager.Allocate<(float, float, float)>(200_000);
    for (int i = 0; i < source.Length; i++)
    {
        points[i] = (i, -i, 1);
    }

    for (int i = source.Length - 1; i >= 0; i--)
    {
        Require(prices[i] == source[i], $"price {i} differs");
        Require(points[i] == (i, -i, 1), $"point {i} differs");
    }
}

static void CheckSwap(Pager pager)
{
    byte[] page = new byte[10_000];
    byte[] loaded = new byte[page.Length];
    var ids = new List<SwapId>();
    for (int n = 0; n < 500; n++)
    {
        FillPage(page, n);
        ids.Add(pager.Swap.Store(page));
    }

    for (int n = ids.Count - 1; n >= 0; n--)
    {
        FillPage(page, n);
        Require(pager.Swap.GetLength(ids[n]) == page.Length, $"stored page {n} has the wrong length");
        Require(pager.Swap.Load(ids[n], loaded) == page.Length && loaded.AsSpan().SequenceEqual(page), $"stored page {n} differs");
        pager.Swap.Free(ids[n]);
    }

    try
    {
        pager.Swap.Load(ids[0], loaded);
        Require(false, "a freed page could be loaded");
    }
    catch (KeyNotFoundException)
    {
    }
}

static async Task CheckSwapFile()
{
    using var pager = new Pager(new PagerOptions { ResidentBytes = 512 << 10, PoolBytes = 2 << 20, PageBytes = 16 << 10 });
    SwapFile file = pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 32 << 20 });
    SwapFile encrypted = pager.AddSwapFile(new SwapFileOptions { Path = Path.GetTempPath(), Bytes = 32 << 20, Priority = -1, Encrypt = true });
    Require(file.Bytes == 32 << 20 && encrypted.IsEncrypted && !file.IsEncrypted, "a swap file has the wrong figures");

    // Pages that do not compress: most of the 8 MiB can be nowhere but in a file.
    using PagedArray<long> array = pager.Allocate<long>(1 << 20);
    long[] page = new long[array.PageLength];
    for (long start = 0; start < array.Length; start += page.Length)
    {
        FillRandom(page, start);
        array.CopyFrom(start, page);
    }

    Require(pager.GetStatistics() is { FilePages: > 0, Writebacks: > 0, IoErrors: 0 }, "nothing was written to a swap file");
    Require(file.UsedBytes > 0 && encrypted.UsedBytes == 0, "the file of the lower priority was not spared");
    CheckRandom(array);
    Require(pager.GetStatistics().FaultsFromFile > 0, "nothing was read from a swap file");

    // Everything moves to the encrypted file, which is all there is then.
    await pager.RemoveSwapFileAsync(file);
    Require(encrypted.UsedBytes > 0, "the pages of the removed file went nowhere");
    CheckRandom(array);

    try
    {
        pager.AddSwapFile(new SwapFileOptions { Path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString(), "swap"), Bytes = 32 << 20 });
        Require(false, "a swap file was made in a directory that does not exist");
    }
    catch (DirectoryNotFoundException)
    {
    }

    try
    {
        await pager.RemoveSwapFileAsync(encrypted);
        Require(false, "the last file was removed while its pages fit nowhere else");
    }
    catch (OutOfPagingSpaceException)
    {
    }

    CheckRandom(array);
    array.Discard(0, array.Length);
    await pager.RemoveSwapFileAsync(encrypted);
    Require(pager.GetStatistics() is { FilePages: 0, FileBytes: 0, CorruptedPages: 0, IoErrors: 0 }, "something is left of the swap files");
}

static void CheckRandom(PagedArray<long> array)
{
    long[] expected = new long[array.PageLength];
    long[] read = new long[array.PageLength];
    for (long start = 0; start < array.Length; start += read.Length)
    {
        FillRandom(expected, start);
        array.CopyTo(start, read);
        Require(read.AsSpan().SequenceEqual(expected), $"the page at {start} differs after it was in a swap file");
    }
}

static void FillRandom(long[] page, long seed)
{
    var random = new Random((int)seed);
    for (int i = 0; i < page.Length; i++)
    {
        page[i] = random.NextInt64();
    }
}

static void FillPage(byte[] page, int seed)
{
    for (int i = 0; i < page.Length; i++)
    {
        page[i] = (byte)((i >> 3) + seed);
    }
}

static void Require(bool condition, string otherwise)
{
    if (!condition)
    {
        throw new InvalidDataException(otherwise);
    }
}

static void CheckCompression()
{
    const int Count = 1 << 18;
    using var pager = new Pager(new PagerOptions
    {
        ResidentBytes = 256 << 10,
        PoolBytes = 4 << 20,
        PageBytes = 16 << 10,
        BackgroundThreads = 0,
        Compression = CompressionGoal.Balanced,
    });
    foreach (PageFilter? filter in (PageFilter?[])[null, PageFilter.None, PageFilter.Shuffle, PageFilter.BitShuffle, PageFilter.Delta])
    {
        using PagedArray<float> array = pager.Allocate<float>(
            Count, new PagedArrayOptions { Compression = CompressionGoal.Ratio, Filter = filter });
        array.Compression = CompressionGoal.Speed;
        for (int i = 0; i < Count; i++)
        {
            array[i] = i / 4f;
        }

        array.Compression = CompressionGoal.Ratio;
        for (int i = 0; i < Count; i++)
        {
            Require(array[i] == i / 4f, "a float came back different");
        }

        Require(array.Compression == CompressionGoal.Ratio, "the goal did not change");
        PagerStatistics statistics = pager.GetStatistics();
        Require(
            filter is not null || statistics.PoolLogicalBytes > 2 * statistics.PoolStoredBytes, "a ramp of floats was not behind a filter");
    }
}
