using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FASTER.core;
using Paging.Peers.Data;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>FASTER's hybrid log with a local device, and a read cache. It keeps nothing between runs: it is loaded each time.</summary>
internal sealed unsafe class FasterRows : IRowWriter, IAssetReader
{
    private const int PageBits = 20;
    private const int MostPending = 128;
    private readonly IDevice _device;
    private readonly FasterKV<long, Value> _store;
    private readonly ClientSession<long, Value, nint, byte, Empty, IFunctions<long, Value, nint, byte, Empty>> _session;
    private readonly ClientSession<long, Value, nint, byte, Empty, IFunctions<long, Value, nint, byte, Empty>> _aheadSession;
    private readonly int _logBits;
    private readonly int _cacheBits;

    public FasterRows(PeerContext context)
    {
        // Sizes are powers of two: the largest log that leaves room for as large a read cache, and the largest that still fits beside it.
        _logBits = BitOperations.Log2((ulong)context.MemoryBytes / 2);
        _cacheBits = BitOperations.Log2((ulong)context.MemoryBytes - (1UL << _logBits));
        _device = Devices.CreateLogDevice(context.PathOf("log"), deleteOnClose: true);
        LogSettings log = new()
        {
            LogDevice = _device,
            PageSizeBits = PageBits,
            SegmentSizeBits = 28,
            MemorySizeBits = _logBits,
            ReadCacheSettings = new ReadCacheSettings { PageSizeBits = PageBits, MemorySizeBits = _cacheBits },
        };
        _store = new FasterKV<long, Value>((long)BitOperations.RoundUpToPowerOf2((ulong)context.Rows / 8), log);
        _session = _store.NewSession(new Functions());
        _aheadSession = _store.NewSession(new Functions());
        RowFile.ForEach(context.RowFile, (first, rows) =>
        {
            for (int i = 0; i < rows.Length; i += Row.Bytes)
            {
                Write(first + (i / Row.Bytes), rows.Span.Slice(i, Row.Bytes));
            }
        });
    }

    public string Settings =>
        $"hybrid log {1 << (_logBits - 20)} MiB in memory, read cache {1 << (_cacheBits - 20)} MiB (both must be powers of two), local device; "
        + "many: all reads begun, then CompletePending; a session of their own for assets ahead, into the read cache";

    public void Read(long row, Span<byte> destination)
    {
        fixed (byte* to = destination)
        {
            if (Begin(_session, row, to))
            {
                _session.CompletePending(wait: true);
            }
        }
    }

    public void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        fixed (byte* to = destination)
        {
            bool pending = false;
            for (int i = 0; i < rows.Length; i++)
            {
                pending |= Begin(_session, rows[i], to + ((long)i * Row.Bytes));
            }

            if (pending)
            {
                _session.CompletePending(wait: true);
            }
        }
    }

    public void ReadRun(long first, int rows, Span<byte> destination)
    {
        fixed (byte* to = destination)
        {
            Run(_session, first, rows, to);
        }
    }

    /// <summary>Copies to nowhere: what comes from the disk is in the read cache then.</summary>
    public void Ahead(long first, int rows) => Run(_aheadSession, first, rows, null);

    public void Write(long row, ReadOnlySpan<byte> contents) =>
        _session.Upsert(ref row, ref Unsafe.As<byte, Value>(ref MemoryMarshal.GetReference(contents[..Row.Bytes])));

    /// <summary>The log holds the last rows from loading; only reads fill the cache.</summary>
    public void Warm()
    {
    }

    public void Dispose()
    {
        _aheadSession.Dispose();
        _session.Dispose();
        _store.Dispose();
        _device.Dispose();
    }

    private static void Run(
        ClientSession<long, Value, nint, byte, Empty, IFunctions<long, Value, nint, byte, Empty>> session, long first, int rows, byte* to)
    {
        // Each read under way has a buffer of its own: not for all rows at once.
        bool pending = false;
        for (int i = 0; i < rows; i++)
        {
            pending |= Begin(session, first + i, to is null ? null : to + ((long)i * Row.Bytes));
            if (pending && (i == rows - 1 || i % MostPending == MostPending - 1))
            {
                session.CompletePending(wait: true);
                pending = false;
            }
        }
    }

    private static bool Begin(
        ClientSession<long, Value, nint, byte, Empty, IFunctions<long, Value, nint, byte, Empty>> session, long row, byte* to)
    {
        nint input = (nint)to;
        byte output = 0;
        Status status = session.Read(ref row, ref input, ref output);
        return status.IsPending || (status.Found ? false : throw new DataMismatchException($"FASTER has no row {row:n0}."));
    }

    [InlineArray(Row.Bytes)]
    private struct Value
    {
        private byte _first;
    }

    /// <summary>Copies straight from the record to where the input points, also when the read comes back from the disk.</summary>
    private sealed class Functions : FunctionsBase<long, Value, nint, byte, Empty>
    {
        public override bool SingleReader(ref long key, ref nint input, ref Value value, ref byte dst, ref ReadInfo readInfo)
        {
            Copy(ref value, input);
            return true;
        }

        public override bool ConcurrentReader(ref long key, ref nint input, ref Value value, ref byte dst, ref ReadInfo readInfo)
        {
            Copy(ref value, input);
            return true;
        }

        private static void Copy(ref Value value, nint to)
        {
            if (to != 0)
            {
                Unsafe.CopyBlockUnaligned(ref *(byte*)to, ref Unsafe.As<Value, byte>(ref value), Row.Bytes);
            }
        }
    }
}
