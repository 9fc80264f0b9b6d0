namespace Paging.Peers.Workloads;

/// <summary>Rows had by their number: what gathers ask of a peer.</summary>
internal interface IRowReader : IDisposable
{
    /// <summary>How the peer is set up, for the output.</summary>
    string Settings { get; }

    /// <summary>What can be said of it after the work.</summary>
    string State => "";

    /// <summary>Copies one row.</summary>
    void Read(long row, Span<byte> destination);

    /// <summary>Copies rows in the order asked, by whatever form for many the peer has.</summary>
    void Gather(ReadOnlySpan<long> rows, Span<byte> destination);

    /// <summary>Fills the peer's caches as fast as it can, before random reads do the rest.</summary>
    void Warm();
}

/// <summary>Batch after batch in a given order: what epochs ask. A peer that has nothing of its own gets a thread that gathers one batch
/// ahead.</summary>
internal interface IBatchReader
{
    IBatches ReadBatches(RowOrder order, int batchRows, long epoch, long position);
}

/// <summary>A place in endless epochs.</summary>
internal interface IBatches : IDisposable
{
    /// <summary>Valid until the next move.</summary>
    ReadOnlySpan<byte> Current { get; }

    ReadOnlySpan<long> Rows { get; }

    void MoveNext();
}

/// <summary>Rows that can be written: what updates ask.</summary>
internal interface IRowWriter : IRowReader
{
    void Write(long row, ReadOnlySpan<byte> contents);
}

/// <summary>Runs of rows that are opened as one: what asset streaming asks.</summary>
internal interface IAssetReader : IRowReader
{
    /// <summary>Copies the run, and waits for what of it is not in memory.</summary>
    void ReadRun(long first, int rows, Span<byte> destination);

    /// <summary>Copies the run, unless a part of it would have to be waited for. Not for everyone.</summary>
    bool TryReadRun(long first, int rows, Span<byte> destination) => throw new NotSupportedException();

    /// <summary>Brings the run into memory, or begins to. One thread calls it, while another reads.</summary>
    void Ahead(long first, int rows);
}

/// <summary>Rows that managed code reads where they are, without a copy: what the test of garbage collections asks.</summary>
internal interface IRowToucher
{
    /// <summary>A word of every cache line of the row, added up.</summary>
    long Touch(long row);
}
