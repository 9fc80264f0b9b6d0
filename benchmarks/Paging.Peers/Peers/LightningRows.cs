using System.Runtime.InteropServices;
using LightningDB;
using Paging.Peers.Data;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>LMDB: a B+tree in a memory-mapped file.</summary>
internal sealed class LightningRows : IRowWriter
{
    private const int UpdatesATransaction = 1024;
    private readonly LightningEnvironment _environment;
    private readonly LightningDatabase _database;
    private LightningTransaction? _reading;
    private LightningTransaction? _writing;
    private int _written;

    public LightningRows(PeerContext context)
    {
        Directory.CreateDirectory(context.PathOf("db"));
        _environment = new LightningEnvironment(context.PathOf("db"), new EnvironmentConfiguration { MapSize = 4 * context.DataBytes + (64 << 20) });
        _environment.Open(EnvironmentOpenFlags.NoReadAhead | EnvironmentOpenFlags.NoSync | EnvironmentOpenFlags.NoThreadLocalStorage);
        using (LightningTransaction transaction = _environment.BeginTransaction())
        {
            _database = transaction.OpenDatabase(
                configuration: new DatabaseConfiguration { Flags = DatabaseOpenFlags.Create | DatabaseOpenFlags.IntegerKey });
            transaction.Commit();
        }

        context.Once("db", () => Load(context.RowFile));
    }

    public string Settings =>
        $"MDB_NORDAHEAD, MDB_NOSYNC, integer keys, pages of {_environment.EnvironmentStats.PageSize:n0} bytes, a read transaction that stays open, "
        + $"{UpdatesATransaction:n0} updates a transaction; memory: the page cache of its cgroup";

    public void Read(long row, Span<byte> destination)
    {
        LightningTransaction transaction = _writing ?? (_reading ??= _environment.BeginTransaction(TransactionBeginFlags.ReadOnly));
        (MDBResultCode result, _, MDBValue value) = transaction.Get(_database, Key(ref row));
        if (result != MDBResultCode.Success)
        {
            throw new DataMismatchException($"LMDB has no row {row:n0}: {result}.");
        }

        value.AsSpan().CopyTo(destination);
    }

    public void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            Read(rows[i], destination[(i * Row.Bytes)..]);
        }
    }

    public void Write(long row, ReadOnlySpan<byte> contents)
    {
        // A reader of an old snapshot would keep all that is replaced.
        _reading?.Dispose();
        _reading = null;
        _writing ??= _environment.BeginTransaction();
        Check(_writing.Put(_database, Key(ref row), contents));
        if (++_written == UpdatesATransaction)
        {
            Commit();
        }
    }

    /// <summary>By reading the file, which fills the page cache many times faster than faults do.</summary>
    public void Warm()
    {
        using FileStream file = new(Path.Combine(_environment.Path, "data.mdb"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        byte[] buffer = new byte[1 << 20];
        while (file.Read(buffer) > 0)
        {
        }
    }

    public void Dispose()
    {
        Commit();
        _reading?.Dispose();
        _database.Dispose();
        _environment.Dispose();
    }

    private static ReadOnlySpan<byte> Key(ref long row) => MemoryMarshal.AsBytes(new ReadOnlySpan<long>(ref row));

    private static void Check(MDBResultCode result)
    {
        if (result != MDBResultCode.Success)
        {
            throw new IOException($"LMDB: {result}.");
        }
    }

    private void Commit()
    {
        if (_writing is not null)
        {
            Check(_writing.Commit());
            _writing.Dispose();
            _writing = null;
            _written = 0;
        }
    }

    private void Load(string path)
    {
        RowFile.ForEach(path, (first, rows) =>
        {
            using LightningTransaction transaction = _environment.BeginTransaction();
            for (int i = 0; i < rows.Length; i += Row.Bytes)
            {
                long row = first + (i / Row.Bytes);
                Check(transaction.Put(_database, Key(ref row), rows.Span.Slice(i, Row.Bytes), PutOptions.AppendData));
            }

            Check(transaction.Commit());
        });
        Check(_environment.Flush(true));
    }
}
