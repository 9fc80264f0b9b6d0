using System.Diagnostics;
using System.Runtime.InteropServices;
using Paging.Memory;
using Paging.Stress.Driver;
using Paging.Tests.Face;
using Paging.Tests.Protocol;
using Paging.Tests.Swap.Devices;
using Paging.Tests.Swap.Devices.Doubles;
using Paging.Threading;

namespace Paging.Tests.Files;

/// <summary>Arrays that are mapped from files, beside what goes wrong with these.</summary>
public sealed class MappedFileTests : IDisposable
{
    private const int PageBytes = Held.PageBytes;
    private const int PageLength = PageBytes / sizeof(long);

    private readonly TemporaryDirectory _directory = new();

    private string Name => _directory.In("data");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Opening_reads_nothing_and_what_is_touched_only()
    {
        long[] contents = Write(64 * PageLength);
        using var pager = new Pager(Held.Options());
        using PagedArray<long> array = pager.MapFile<long>(Name);
        Assert.Equal(0, pager.GetStatistics().BytesRead);
        Assert.Equal(contents[5 * PageLength], array[5 * PageLength]);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((1, 1, 0, 0), (now.Faults, now.FaultsFromFile, now.FaultsFromPool, now.CorruptedPages));
        Assert.Equal(PageBytes, now.BytesRead);
        Assert.Equal(PageBytes, now.ResidentBytes);
        Assert.Equal(0, now.PoolStoredBytes);
    }

    [Fact]
    public void A_file_larger_than_all_memory_is_mapped()
    {
        const long FileBytes = 1L << 40;
        long[] marks = [0, 4_095, 1L << 31, (1L << 32) + 17, (FileBytes / 2) - 1, FileBytes - 1];
        using (FileStream file = File.Create(Name))
        {
            file.SetLength(FileBytes);
            foreach (long mark in marks)
            {
                file.Position = mark;
                file.WriteByte((byte)(mark + 7));
            }
        }

        using var pager = new Pager(Held.Options());
        using PagedArray<byte> array = pager.MapFile<byte>(Name, byteOffset: 0);
        Assert.Equal(FileBytes, array.Length);
        foreach (long mark in marks)
        {
            Assert.Equal((byte)(mark + 7), array[mark]);
            Assert.Equal(0, array[mark ^ 1]);
        }

        Assert.InRange(pager.GetStatistics().BytesRead, 1, 12 * PageBytes);
        using PagedArray<long> tail = pager.MapFile<long>(Name, byteOffset: FileBytes - 800, length: 100);
        Assert.Equal(0, tail[98]);
        Assert.NotEqual(0, tail[99]);
    }

    [Fact]
    public void A_page_that_is_read_once_goes_without_being_stored()
    {
        long[] contents = Write(64 * PageLength);
        using var pager = new Pager(Held.Options());
        using PagedArray<long> array = pager.MapFile<long>(Name);
        for (int page = 0; page < 64; page++)
            Assert.Equal(contents[page * PageLength], array[page * PageLength]);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(64, now.FaultsFromFile);
        Assert.Equal(now.Evictions, now.CleanEvictions);
        Assert.Equal(0, now.PoolStoredBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Pages_that_are_read_here_and_there_are_kept_in_a_pool_with_room_at_once(int backgroundThreads)
    {
        long[] contents = Write(600 * PageLength);
        using var pager = new Pager(Held.Options(backgroundThreads));
        using PagedArray<long> array = pager.MapFile<long>(Name);
        ReadSome(array, contents);
        Evict(pager);
        PagerStatistics before = pager.GetStatistics();
        Assert.Equal(60, before.FaultsFromFile);
        ReadSome(array, contents);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((60, 0), (now.FaultsFromPool - before.FaultsFromPool, now.FaultsFromFile - before.FaultsFromFile));
    }

    [Fact]
    public void While_pages_that_go_are_stored_frames_are_kept_free_for_the_next_ones()
    {
        const int Frames = 128;
        Write(4 * Frames * PageLength);
        using var pager = new Pager(Held.Options() with { ResidentBytes = Frames * PageBytes, PoolBytes = 16 << 20 });
        using PagedArray<byte> array = pager.MapFile<byte>(Name);
        FrameClass frames = Internals.Region(array).Frames;

        // What a pager with threads has. Here nobody sleeps on it.
        Internals.Domain(pager).Reclaimer.Signal = new WakeSignal();
        ReadAll();
        Assert.Equal((0, false), (pager.GetStatistics().PoolStoredBytes, frames.StoresClean));
        Assert.Equal(0, frames.Lead);

        // They come back, and are encoded when they go: by the background, if it is woken in time.
        ReadAll();
        Assert.True(frames.StoresClean);
        Assert.NotEqual(0, frames.Lead);

        // They come from the pool and have their copies there.
        ReadAll();
        ReadAll();
        Assert.False(frames.StoresClean);

        void ReadAll()
        {
            for (long page = 0; page < array.PageCount; page++)
                _ = array[page * PageBytes];
        }
    }

    /// <summary>Pages that lie in a row as well: a program that asks for an asset will look at it again.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task So_are_pages_that_the_program_asks_for_ahead(int backgroundThreads)
    {
        long[] contents = Write(600 * PageLength);
        using var pager = new Pager(Held.Options(backgroundThreads));
        using PagedArray<long> array = pager.MapFile<long>(Name);
        await array.PrefetchAsync(100 * PageLength, 8 * PageLength, TestContext.Current.CancellationToken);
        Assert.Equal(8, pager.GetStatistics().PrefetchedPages);
        Evict(pager);
        PagerStatistics before = pager.GetStatistics();
        for (int page = 100; page < 108; page++)
            Assert.Equal(contents[page * PageLength], array[page * PageLength]);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((8, 0), (now.FaultsFromPool - before.FaultsFromPool, now.FaultsFromFile - before.FaultsFromFile));
    }

    [Fact]
    public void But_they_push_nothing_out()
    {
        long[] contents = Write(600 * PageLength);
        using var held = new Held(600, backgroundThreads: 0, Held.File());
        using PagedArray<long> array = held.Pager.MapFile<long>(Name);
        held.Fill().PageOut();
        DoWhatTheBackgroundWould();
        PagerStatistics before = held.Statistics;
        Assert.True(before.Writebacks > 0, "the pool is full");
        for (int tenth = 0; tenth < 10; tenth++)
        {
            ReadSome(array, contents, tenth);
            held.PageOut();
            DoWhatTheBackgroundWould();
        }

        Assert.Equal((before.Writebacks, before.BytesWritten), (held.Statistics.Writebacks, held.Statistics.BytesWritten));

        void DoWhatTheBackgroundWould()
        {
            while (held.Store.Room.StepAhead() || held.Store.Writeback.InFlight != 0)
                Thread.Yield();
        }
    }

    [Fact]
    public void Pages_that_come_back_are_kept_in_the_pool_while_there_is_room()
    {
        long[] contents = Write(64 * PageLength);
        using var pager = new Pager(Held.Options());
        using PagedArray<long> array = pager.MapFile<long>(Name);
        for (int i = 0; i < 2; i++)
        {
            ReadAll(array, contents, rounds: 1);
            Evict(pager);
        }

        PagerStatistics before = pager.GetStatistics();
        ReadAll(array, contents, rounds: 3);
        PagerStatistics now = pager.GetStatistics();
        Assert.Equal(before.FaultsFromFile, now.FaultsFromFile);
        Assert.InRange(now.FaultsFromPool - before.FaultsFromPool, 64, 3 * 64);
    }

    /// <summary>A pool full of pages of a file has as much room for others as an empty one.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Pages_that_are_kept_make_way_for_what_cannot_be_read_again(int backgroundThreads)
    {
        long[] contents = Write(600 * PageLength);
        int alone = Room(keepsPages: false);
        int beside = Room(keepsPages: true);
        Assert.True(alone > 150, $"{alone} pages fit");

        // A thread that cleans meanwhile makes either number differ from run to run.
        int slack = backgroundThreads == 0 ? 6 : alone / 10;
        Assert.InRange(beside, alone - slack, alone + slack);

        int Room(bool keepsPages)
        {
            using var pager = new Pager(Held.Options(backgroundThreads));
            using PagedArray<long> array = pager.MapFile<long>(Name);
            if (keepsPages)
            {
                for (int i = 0; i < 3; i++)
                    ReadAll(array, contents, rounds: 1, pages: 270);
                Assert.True(pager.GetStatistics().PoolStoredBytes > Held.PoolBytes / 2, $"{pager.GetStatistics()}");
            }

            using var held = new Held(600, pager);
            OutOfPagingSpaceException refused = held.FillUntilRefused();
            int stored = (int)(pager.GetStatistics().PoolLogicalBytes / PageBytes);
            Assert.Equal(0, Internals.Domain(pager).Swap.Budget.RedundantBytes >> 16);
            Assert.NotEqual(default, refused.Statistics);

            // And what is in the file can be read all the same.
            ReadAll(array, contents, rounds: 1);
            held.Array.Dispose();
            return stored;
        }
    }

    [Fact]
    public void Pages_of_a_file_are_never_written_to_another()
    {
        long[] contents = Write(600 * PageLength);
        using var pager = new Pager(Held.Options(0, Held.File()));
        using PagedArray<long> array = pager.MapFile<long>(Name);
        for (int i = 0; i < 4; i++)
            ReadAll(array, contents, rounds: 1);
        Assert.Equal(0, pager.GetStatistics().BytesWritten);
        using var held = new Held(300, pager);
        held.Fill();
        for (int i = 0; i < 2; i++)
        {
            held.VerifyAll();
            ReadAll(array, contents, rounds: 1);
        }

        PagerStatistics now = pager.GetStatistics();
        Assert.InRange(now.FilePages, 1, 300);
        held.Array.Dispose();
        Assert.Equal(0, pager.GetStatistics().FilePages);
    }

    /// <summary>A working set that moves on takes the place of the one before.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void What_is_kept_follows_what_is_wanted(int backgroundThreads)
    {
        long[] contents = Write(900 * PageLength);
        using var pager = new Pager(Held.Options(backgroundThreads));
        using PagedArray<long> array = pager.MapFile<long>(Name);
        for (int start = 0; start < 900; start += 150)
        {
            for (int i = 0; i < 6; i++)
                ReadAll(array, contents, rounds: 1, pages: 150, first: start);
            PagerStatistics before = pager.GetStatistics();
            ReadAll(array, contents, rounds: 1, pages: 150, first: start);
            PagerStatistics now = pager.GetStatistics();
            Assert.True(
                now.FaultsFromFile - before.FaultsFromFile < 30,
                $"{now.FaultsFromFile - before.FaultsFromFile} of 150 came from the file, from page {start} on");
        }
    }

    /// <summary>All kinds of access, on a file with an odd offset and an odd end, read past the cache and through it.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Everything_that_reads_reads_the_file(bool isDirect)
    {
        const int Offset = 1234;
        const int Length = (20 * PageLength) + 77;
        byte[] bytes = Noise(Offset + (Length * sizeof(long)));
        long[] contents = MemoryMarshal.Cast<byte, long>(bytes.AsSpan(Offset)).ToArray();
        using var pager = new Pager(Held.Options() with { ResidentBytes = 256 * PageBytes });
        var source = new MemorySource(bytes, isDirect);
        using PagedArray<long> array = Internals.Map<long>(pager, source, Offset, Length);
        var seen = new long[Length];
        array.CopyTo(0, seen);
        Assert.Equal(contents, seen);
        Evict(pager);
        Assert.Equal(contents[^1], array[Length - 1]);
        Evict(pager);
        using (ReadLease<long> lease = array.Read(Length - 5))
            Assert.Equal(contents[^5..], lease.Span.ToArray());
        Evict(pager);
        using (PagedSequence<long> pages = array.ReadSequence(PageLength - 3, PageLength + 9))
            Assert.Equal(contents[(PageLength - 3)..((2 * PageLength) + 6)], System.Buffers.BuffersExtensions.ToArray(pages.Sequence));
        Evict(pager);
        using (PageOwner<long> owner = await Ahead.Pin(array, 3 * PageLength))
            Assert.Equal(contents[(3 * PageLength)..(4 * PageLength)], owner.GetSpan().ToArray());

        // Once more from the beginning: what has come back is in the pool by now.
        var another = new MemorySource(bytes, isDirect);
        using PagedArray<long> ahead = Internals.Map<long>(pager, another, Offset, Length);
        await Ahead.Prefetch(ahead, 0, 5 * PageLength);
        long reads = another.Reads;
        Assert.Equal(contents[..(5 * PageLength)], Copy(ahead, 0, 5 * PageLength));
        Assert.Equal(reads, another.Reads);
        Assert.Equal(isDirect ? 1 : 5, reads);
        Assert.Equal(isDirect ? 1 : 0, another.SubmittedReads);
        Assert.Equal(5, pager.GetStatistics().PrefetchedPages);
    }

    [Fact]
    public void Writes_stay_in_the_array()
    {
        long[] contents = Write(64 * PageLength);
        using (var pager = new Pager(Held.Options(0, Held.File())))
        using (PagedArray<long> array = pager.MapFile<long>(Name))
        {
            for (int page = 0; page < 64; page += 2)
                array[(page * PageLength) + 3] = page;
            array.Fill(10 * PageLength, PageLength, 7);
            array.Discard((20 * PageLength) - 5, PageLength + 10);
            Evict(pager);
            for (int page = 0; page < 64; page++)
            {
                long expected = page switch { 10 => 7, 20 or 21 => 0, _ when page % 2 == 0 => page, _ => contents[(page * PageLength) + 3] };
                Assert.Equal(expected, array[(page * PageLength) + 3]);
            }

            Assert.Equal(0, array[(20 * PageLength) - 1]);
            Assert.Equal(contents[(20 * PageLength) - 6], array[(20 * PageLength) - 6]);
        }

        Assert.Equal(contents, MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(Name)).ToArray());
    }

    [Fact]
    public void Discarding_reads_nothing_and_zeroes_for_good()
    {
        using var pager = new Pager(Held.Options());
        var source = new MemorySource(Noise(600 * PageBytes));
        using PagedArray<long> array = Internals.Map<long>(pager, source, 0, 600 * PageLength);
        array.Discard(0, array.Length);
        Assert.Equal(0, source.Reads);
        Assert.Equal(600, pager.GetStatistics().SameFilledPages);
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(-1, Copy(array, 0, (int)array.Length).AsSpan().IndexOfAnyExcept(0));
            Evict(pager);
        }

        Assert.Equal(0, source.Reads);
        array[5] = 1;
        Assert.Equal(1, array[5]);
        array.Dispose();
        Assert.Equal((1, 0), (source.Closed, pager.GetStatistics().SameFilledPages));
    }

    [Fact]
    public async Task A_file_that_became_shorter_is_an_exception_for_the_pages_behind_its_end_alone()
    {
        byte[] bytes = Noise(8 * PageBytes);
        Replace(bytes);
        using var pager = new Pager(Held.Options());
        using PagedArray<byte> array = pager.MapFile<byte>(Name, options: new PagedArrayOptions { Name = "shrinking" });

        // In order: a page that was read by itself is kept in the pool.
        Assert.Equal(bytes, Copy(array, 0, bytes.Length));
        Evict(pager);
        Truncate((3 * PageBytes) + 100);
        Assert.Equal(bytes[2 * PageBytes], array[2 * PageBytes]);
        for (int page = 3; page < 8; page++)
        {
            PageCorruptedException e = Assert.Throws<PageCorruptedException>(() => array[(page * PageBytes) + 5]);
            Assert.Equal(("shrinking", page), (e.ArrayName, e.PageIndex));
            Assert.Contains($"'{Name}'", e.Message, StringComparison.Ordinal);
            Assert.Contains($"{(3 * PageBytes) + 100:N0} bytes", e.Message, StringComparison.Ordinal);
            Assert.Throws<PageCorruptedException>(() => array.Read(page * PageBytes, 10));
            Assert.Throws<PageCorruptedException>(() => array[page * PageBytes] = 1);
        }

        Assert.Equal(bytes[PageBytes], array[PageBytes]);
        await Ahead.Prefetch(array, 0, array.Length);
        Assert.False(array.TryRead(7 * PageBytes, out _));
        Replace(bytes);
        Assert.Equal(bytes, Copy(array, 0, bytes.Length));
        array[6 * PageBytes] = 1;
        Assert.Equal(0, pager.GetStatistics().Pins);
    }

    /// <summary>A page that ends before the file does now, in its last block, is well.</summary>
    [Fact]
    public void What_is_there_of_the_last_block_is_enough_for_a_page_that_needs_no_more()
    {
        byte[] bytes = Noise((2 * PageBytes) + 100);
        File.WriteAllBytes(Name, bytes);
        using var pager = new Pager(Held.Options());
        using PagedArray<byte> array = pager.MapFile<byte>(Name, byteOffset: 10);
        Truncate((2 * PageBytes) + 10);
        Assert.Equal(bytes[10..((2 * PageBytes) + 10)], Copy(array, 0, 2 * PageBytes));
        Assert.Throws<PageCorruptedException>(() => array[2 * PageBytes]);
    }

    [Fact]
    public void A_read_that_fails_is_counted_and_tried_again_by_the_next_access()
    {
        byte[] bytes = Noise(40 * PageBytes);
        using var pager = new Pager(Held.Options());
        var source = new MemorySource(bytes) { ErrorOf = static offset => offset / PageBytes % 3 == 1 ? 5 : 0 };
        using PagedMatrix<byte> matrix = MapRows(pager, source, 40, 1024);
        for (int page = 0; page < 40; page++)
        {
            if (page % 3 == 1)
                Assert.Contains("errno 5", Assert.Throws<PageCorruptedException>(() => matrix[page * 4, 0]).Message, StringComparison.Ordinal);
            else
                Assert.Equal(bytes[page * PageBytes], matrix[page * 4, 0]);
        }

        PagerStatistics now = pager.GetStatistics();
        Assert.Equal((13, 0), (now.IoErrors, now.CorruptedPages));
        var rows = new byte[40 * 1024];
        long[] wanted = [.. Enumerable.Range(0, 40).Select(static i => i * 4L)];
        Assert.Equal(1, Assert.Throws<PageCorruptedException>(() => matrix.Gather(wanted, rows)).PageIndex);
        source.ErrorOf = static _ => 0;
        matrix.Gather(wanted, rows);
        Assert.All(wanted, row => Assert.True(rows.AsSpan((int)row / 4 * 1024, 1024).SequenceEqual(bytes.AsSpan((int)row * 1024, 1024))));
    }

    [Fact]
    public void The_file_is_closed_with_the_array_or_with_the_pager_once()
    {
        var pager = new Pager(Held.Options());
        var one = new MemorySource(Noise(PageBytes));
        var two = new MemorySource(Noise(PageBytes));
        PagedArray<byte> first = Internals.Map<byte>(pager, one, 0, PageBytes);
        PagedArray<byte> second = Internals.Map<byte>(pager, two, 0, PageBytes);
        _ = first[0] + second[0];
        first.Dispose();
        Assert.Equal((1, 0), (one.Closed, two.Closed));
        pager.Dispose();
        first.Dispose();
        second.Dispose();
        Assert.Equal((1, 1), (one.Closed, two.Closed));
        Assert.Throws<ObjectDisposedException>(() => second[0]);
        Assert.Throws<ObjectDisposedException>(() => pager.MapFile<byte>(Name));
    }

    [Fact]
    public void A_mapped_array_that_is_dropped_closes_its_file()
    {
        Write(PageLength);
        using var pager = new Pager(Held.Options());
        int before = Descriptors();
        Map(pager);
        for (int i = 0; i < 20 && Descriptors() > before; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.True(Descriptors() <= before, "the file is still open");

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        void Map(Pager of)
        {
            PagedArray<long> array = of.MapFile<long>(Name);
            Assert.NotEqual(0, array[0]);
            Assert.True(Descriptors() > before, "no file is open");
        }
    }

    [Fact]
    public void Nothing_is_left_of_what_could_not_be_mapped()
    {
        var source = new MemorySource(Noise(PageBytes));
        using var pager = new Pager(Held.Options());
        Assert.Throws<ArgumentOutOfRangeException>(
            () => Internals.Map<byte>(pager, source, 0, PageBytes, new PagedArrayOptions { PageBytes = 5000 }));
        Assert.Equal(1, source.Closed);
        Write(PageLength);
        int before = Descriptors();
        Assert.Throws<ArgumentOutOfRangeException>(() => pager.MapFile<byte>(Name, options: new PagedArrayOptions { PageBytes = 4 << 20 }));
        Assert.Throws<ArgumentException>(() => pager.MapFile<decimal>(Name, byteOffset: 8));
        Assert.Equal(before, Descriptors());
    }

    [Fact]
    public void Offsets_and_lengths_that_are_not_in_the_file_are_refused_with_the_figures()
    {
        Write(1000);
        using var pager = new Pager(Held.Options());
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, byteOffset: -1), "0 or more");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, byteOffset: 8000), "8,000");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, byteOffset: long.MaxValue), "8,000");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, 8, 1000), "999 elements of 8 bytes, not 1,000");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, 0, long.MaxValue), "cannot be in a file");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, 0, long.MaxValue / 8), "1,000 elements");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, 0, 0), "length");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name, 0, -1), "length");
        AssertSays<ArgumentException>(() => pager.MapFile<long>(Name, 3), "5 are left over");
        AssertSays<ArgumentException>(() => pager.MapFileMatrix<long>(Name, 3), "no whole number of rows of 24 bytes: 8 are left over");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFileMatrix<long>(Name, 3, 0, 334), "333 rows");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFileMatrix<long>(Name, 0), "columns");
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFileMatrix<long>(Name, int.MaxValue), "columns");
        using (PagedMatrix<long> matrix = pager.MapFileMatrix<long>(Name, 3, 8, 333))
            Assert.Equal((333, 3), (matrix.Rows, matrix.Columns));
        File.WriteAllBytes(Name, []);
        AssertSays<ArgumentOutOfRangeException>(() => pager.MapFile<long>(Name), "is empty");
    }

    [Fact]
    public void What_is_no_file_is_refused_at_once()
    {
        using var pager = new Pager(Held.Options());
        AssertSays<FileNotFoundException>(() => pager.MapFile<long>(Name), $"'{Name}'");
        AssertSays<DirectoryNotFoundException>(() => pager.MapFile<long>(_directory.In("none/data")), "missing");
        AssertSays<IOException>(() => pager.MapFile<long>(_directory.Path), "a directory");
        AssertSays<IOException>(() => pager.MapFile<long>("/dev/zero"), "a character device");
        Assert.Throws<ArgumentException>(() => pager.MapFile<long>(""));
        Assert.Throws<ArgumentNullException>(() => pager.MapFile<long>(null!));
        AssertSays<ArgumentException>(() => pager.MapFile<long>("a\0b"), "zero character");
        AssertSays<PathTooLongException>(() => pager.MapFile<long>(_directory.In(new string('x', 300))), "too long");
        File.CreateSymbolicLink(_directory.In("circle"), _directory.In("circle"));
        AssertSays<IOException>(() => pager.MapFile<long>(_directory.In("circle")), "circle");
        string fifo = _directory.MakeFifo("fifo");
        AssertSays<IOException>(() => pager.MapFile<long>(fifo), "a FIFO");
        AssertSays<IOException>(() => pager.OpenNpy<long>(fifo), "a FIFO");
        AssertSays<IOException>(() => pager.OpenSafetensors(_directory.Path), "a directory");
        Write(PageLength);
        File.CreateSymbolicLink(_directory.In("link"), Name);
        using PagedArray<long> linked = pager.MapFile<long>(_directory.In("link"));
        Assert.NotEqual(0, linked[0]);
    }

    [Fact]
    public void A_file_that_may_not_be_read_is_refused()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Permissions do not bind root.");
        Write(PageLength);
        using (Process made = Process.Start("chmod", ["200", Name]))
            made.WaitForExit();
        using var pager = new Pager(Held.Options());
        AssertSays<UnauthorizedAccessException>(() => pager.MapFile<long>(Name), "permission denied");
    }

    private static void AssertSays<T>(Action action, string part)
        where T : Exception => Assert.Contains(part, Assert.Throws<T>(action).Message, StringComparison.Ordinal);

    /// <summary>Of this test's file: other tests run beside it, whose files have the same name in directories of their own.</summary>
    private int Descriptors()
    {
        string own = Path.Combine(Path.GetFileName(Path.GetDirectoryName(Name))!, Path.GetFileName(Name));
        return Directory.GetFiles("/proc/self/fd").Select(static link => new FileInfo(link).LinkTarget)
            .Count(target => target is not null && target.EndsWith(own, StringComparison.Ordinal));
    }

    private static void ReadAll(PagedArray<long> array, long[] contents, int rounds, int pages = int.MaxValue, int first = 0)
    {
        for (int round = 0; round < rounds; round++)
        {
            for (int page = first; page < Math.Min(array.PageCount, (long)first + pages); page++)
                Assert.Equal(contents[(page * PageLength) + round], array[(page * PageLength) + round]);
        }
    }

    /// <summary>Reads a tenth of all pages, each tenth others, in no order that a stream has.</summary>
    private static void ReadSome(PagedArray<long> array, long[] contents, int tenth = 0)
    {
        int[] pages = [.. Enumerable.Range(0, (int)array.PageCount)];
        new Random(1).Shuffle(pages);
        int count = pages.Length / 10;
        foreach (int page in pages.AsSpan(tenth * count, count))
            Assert.Equal(contents[page * PageLength], array[page * PageLength]);
    }

    private static void Evict(Pager pager) => Internals.PageOutAll(Internals.Domain(pager));

    private static T[] Copy<T>(PagedArray<T> array, long start, int length)
        where T : unmanaged
    {
        var seen = new T[length];
        array.CopyTo(start, seen);
        return seen;
    }

    private static PagedMatrix<byte> MapRows(Pager pager, MemorySource source, int pages, int columns)
    {
        var shared = new Paging.Swap.Devices.SharedSource(source);
        PagedMatrix<byte> matrix = pager.MapMatrix<byte>(shared, 0, pages * (PageBytes / columns), columns, null);
        shared.RemoveUser();
        return matrix;
    }

    private static byte[] Noise(int bytes)
    {
        var noise = new byte[bytes];
        Content.Write(ContentKind.Noise, 5, noise.AsSpan());
        return noise;
    }

    private void Truncate(long bytes)
    {
        using FileStream file = File.OpenWrite(Name);
        file.SetLength(bytes);
    }

    /// <summary>Writes the same file, not another one of its name.</summary>
    private void Replace(byte[] bytes) => File.WriteAllBytes(Name, bytes);

    private long[] Write(int length)
    {
        byte[] bytes = Noise(length * sizeof(long));
        File.WriteAllBytes(Name, bytes);
        return MemoryMarshal.Cast<byte, long>(bytes).ToArray();
    }
}
