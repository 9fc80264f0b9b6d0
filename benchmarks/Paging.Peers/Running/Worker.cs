using System.Diagnostics;
using System.Globalization;
using Paging.Peers.Data;
using Paging.Peers.Peers;
using Paging.Peers.Workloads;

namespace Paging.Peers.Running;

/// <summary>The process of one peer: it does what its parent says, a line at a time, and answers each with a line.</summary>
/// <remarks>A process of its own for each peer, so that each can be in a memory cgroup of its own, and that what one does to its heap or
/// its page cache is nobody else's matter.</remarks>
internal sealed class Worker(string peer, PeerContext context, int seed) : IDisposable
{
    private const int OneByOne = 16; // rows between looks at the clock
    private const int BatchRows = 256;
    private readonly Dictionary<Distribution, RowStream> _streams = [];
    private readonly Dictionary<string, (RowOrder Order, long Epoch, long Position)> _epochs = [];
    private readonly byte[] _rows = new byte[Asset.MostRows * Row.Bytes];
    private readonly long[] _numbers = new long[BatchRows];
    private int[]? _versions;
    private IRowReader? _opened;
    private AssetFlight? _flight;
    private long _sum;

    private IRowReader Opened => _opened ?? throw new InvalidOperationException("Not opened.");

    /// <summary>Serves until the input ends.</summary>
    public void Serve(TextReader input, TextWriter output)
    {
        Make();
        output.WriteLine("ok");
        output.Flush();
        while (input.ReadLine() is { } line && line != "quit")
        {
            string answer;
            try
            {
                answer = "ok " + Do(line.Split(' '));
            }
            catch (DataMismatchException e)
            {
                answer = "mismatch " + e.Message;
            }
            catch (DllNotFoundException e)
            {
                answer = $"failed {Reason(e)}";
            }
            catch (Exception e) // the parent decides what a failure means
            {
                answer = $"failed {e.GetType().Name}: {e.Message}{(e.InnerException is { } inner ? $" ({inner.Message})" : "")}";
            }

            output.WriteLine(answer.ReplaceLineEndings(" "));
            output.Flush();
        }
    }

    public void Dispose() => _opened?.Dispose();

    /// <summary>What loops need, before the parent looks at how much memory a process takes that has not opened anything.</summary>
    private void Make()
    {
        foreach (Distribution distribution in Enum.GetValues<Distribution>())
        {
            _streams[distribution] = new RowStream(distribution, context.Rows, seed);
        }

        _versions = new int[context.Rows];
        Array.Fill(_rows, (byte)1); // touched, or it would be counted as the peer's
        GC.Collect();
    }

    private string Do(string[] words) => words[0] switch
    {
        "open" => Open(),
        "warm" => Warm(Time(words[1])),
        "gather" => Gather(Enum.Parse<Distribution>(words[1]), int.Parse(words[2], CultureInfo.InvariantCulture), Time(words[3])),
        "epoch" => Epoch(words[1], Time(words[2])),
        "fly" => Fly(words[1] == "wait", int.Parse(words[2], CultureInfo.InvariantCulture)),
        "update" => Update(Time(words[1])),
        "verify" => Verify(),
        "memory" => $"{MemoryUse.Read(context.Directory)} {Opened.State}",
        "stall" => GcStall.Run(Opened as IRowToucher, context.Rows, int.Parse(words[1], CultureInfo.InvariantCulture), Time(words[2])),
        "loops" => Loops.Run(Time(words[1])),
        "faults" => Scaling.Faults(long.Parse(words[1], CultureInfo.InvariantCulture), seed),
        "stores" => Scaling.Stores(long.Parse(words[1], CultureInfo.InvariantCulture), seed),
        "threads" => Scaling.Threads(context.RowFile, int.Parse(words[1], CultureInfo.InvariantCulture), Time(words[2]), seed),
        _ => throw new ArgumentException($"{words[0]}: no such command."),
    };

    /// <summary>The loader tells all places where it has looked; the line about the file that is there says why.</summary>
    private static string Reason(DllNotFoundException e) =>
        e.Message.Split('\n').FirstOrDefault(line => line.Contains("not found (required by", StringComparison.Ordinal)) ?? e.Message.Split('.')[0];

    private static TimeSpan Time(string milliseconds) => TimeSpan.FromMilliseconds(double.Parse(milliseconds, CultureInfo.InvariantCulture));

    private string Open()
    {
        Directory.CreateDirectory(context.Directory);
        bool isThere = Marks().Any();
        if (!isThere)
        {
            // What was not finished, or has been updated since, is made anew.
            Directory.Delete(context.Directory, recursive: true);
            Directory.CreateDirectory(context.Directory);
        }

        PageCache.Drop(context.Directory);
        long start = Stopwatch.GetTimestamp();
        _opened = Peer.All.Single(p => p.Key == peer).Open(context);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return string.Create(CultureInfo.InvariantCulture, $"{(isThere ? 0 : 1)} {seconds} {_opened.Settings}");
    }

    /// <summary>Of what is complete, and as it was loaded.</summary>
    private IEnumerable<string> Marks() => Directory.EnumerateFiles(context.Directory, "*.complete");

    private string Warm(TimeSpan time)
    {
        Opened.Warm();

        // A cache that admits what comes back has to see every row twice.
        RowStream stream = _streams[Distribution.Uniform];
        long start = Stopwatch.GetTimestamp();
        for (long rows = 0; rows < 3 * context.Rows && Stopwatch.GetElapsedTime(start) < time; rows += BatchRows)
        {
            stream.Next(_numbers);
            Opened.Gather(_numbers, _rows);
        }

        return "";
    }

    private string Gather(Distribution distribution, int atOnce, TimeSpan time)
    {
        RowStream stream = _streams[distribution];
        return atOnce == 1 ? GatherOneByOne(stream, time) : GatherMany(stream, time);
    }

    private string GatherOneByOne(RowStream stream, TimeSpan time)
    {
        long rows = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            ReadSome(stream);
            rows += OneByOne;
        }
        while (Stopwatch.GetElapsedTime(start) < time);

        return Outcome(rows, start);
    }

    /// <summary>A method of its own, which is called often enough to be compiled well.</summary>
    private void ReadSome(RowStream stream)
    {
        Span<long> numbers = _numbers.AsSpan(0, OneByOne);
        stream.Next(numbers);
        foreach (long number in numbers)
        {
            Opened.Read(number, _rows);
            Row.CheckNumber(_rows, number);
        }
    }

    private string GatherMany(RowStream stream, TimeSpan time)
    {
        long rows = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            stream.Next(_numbers);
            Opened.Gather(_numbers, _rows);
            CheckNumbers(_rows, _numbers);
            rows += BatchRows;
        }
        while (Stopwatch.GetElapsedTime(start) < time);

        return Outcome(rows, start);
    }

    private string Epoch(string kind, TimeSpan time)
    {
        if (!_epochs.TryGetValue(kind, out var place))
        {
            place = (kind switch
            {
                "in-order" => RowOrder.Sequential(context.Rows),
                "block-shuffled" => RowOrder.BlockShuffled(context.Rows, (ulong)seed, blockRows: 64, windowBlocks: 64),
                "shuffled" => RowOrder.Shuffled(context.Rows, (ulong)seed),
                _ => throw new ArgumentException($"{kind}: no such order."),
            }, 0, 0);
        }

        long rows = 0;
        string outcome;
        long start = Stopwatch.GetTimestamp();
        using (IBatches batches = Opened is IBatchReader own
            ? own.ReadBatches(place.Order, BatchRows, place.Epoch, place.Position)
            : new AheadBatches(Opened, place.Order, BatchRows, place.Epoch, place.Position))
        {
            do
            {
                batches.MoveNext();
                CheckNumbers(batches.Current, batches.Rows);
                rows += batches.Rows.Length;
            }
            while (Stopwatch.GetElapsedTime(start) < time);

            // The batches that are under way are not counted: neither is the time that they still take, which is long for who gathers slowly.
            outcome = Outcome(rows, start);
        }

        long position = place.Position + rows;
        _epochs[kind] = (place.Order, place.Epoch + (position / context.Rows), position % context.Rows);
        return outcome;
    }

    /// <summary>Numbers, and a word of every cache line: what is done with a batch is not nothing.</summary>
    private void CheckNumbers(ReadOnlySpan<byte> rows, ReadOnlySpan<long> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            ReadOnlySpan<byte> row = rows.Slice(i * Row.Bytes, Row.Bytes);
            Row.CheckNumber(row, numbers[i]);
            _sum += Row.Touch(row);
        }
    }

    private string Fly(bool mayWait, int frames)
    {
        _flight ??= new AssetFlight(
            Opened as IAssetReader ?? throw new NotSupportedException("It has no assets."), context.Rows, _versions!, _rows, seed);
        return _flight.Fly(frames, mayWait);
    }

    private string Update(TimeSpan time)
    {
        IRowWriter writer = Opened as IRowWriter ?? throw new NotSupportedException("It cannot be written.");
        foreach (string mark in Marks().ToArray())
        {
            File.Delete(mark);
        }

        RowStream stream = _streams[Distribution.Uniform];
        long rows = 0;
        long start = Stopwatch.GetTimestamp();
        Span<long> numbers = _numbers.AsSpan(0, OneByOne);
        Span<byte> row = _rows.AsSpan(0, Row.Bytes);
        do
        {
            stream.Next(numbers);
            foreach (long number in numbers)
            {
                writer.Read(number, row);
                Row.CheckNumber(row, number);
                Row.Stamp(row, number, ++_versions![number]);
                writer.Write(number, row);
            }

            rows += OneByOne;
        }
        while (Stopwatch.GetElapsedTime(start) < time);

        return Outcome(rows, start);
    }

    /// <summary>Every byte of every row.</summary>
    private string Verify()
    {
        long start = Stopwatch.GetTimestamp();
        for (long first = 0; first < context.Rows; first += BatchRows)
        {
            int count = (int)Math.Min(BatchRows, context.Rows - first);
            for (int i = 0; i < count; i++)
            {
                _numbers[i] = first + i;
            }

            Opened.Gather(_numbers.AsSpan(0, count), _rows);
            for (int i = 0; i < count; i++)
            {
                Row.Verify(_rows.AsSpan(i * Row.Bytes, Row.Bytes), first + i, _versions![first + i]);
            }
        }

        return Outcome(context.Rows, start);
    }

    private static string Outcome(long rows, long start) =>
        string.Create(CultureInfo.InvariantCulture, $"{rows} {Stopwatch.GetElapsedTime(start).TotalSeconds}");
}
