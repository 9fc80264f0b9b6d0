using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FASTER.core;
using Paging.Peers.Data;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>FASTER's hybrid log with a local device, and a read cache. It keeps nothing between runs: it is loaded each time.</summary>
internal sealed unsafe class FasterRows : IRowWriter
{
    private const int PageBits = 20;
    private readonly IDevice _device;
    private readonly FasterKV<long, Value> _store;
    private readonly ClientSession<long, Value, nint, byte, Empty, IFunctions<long, Value, nint, byte, Empty>> _session;
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
        + "many: all reads begun, then CompletePending";

    public void Read(long row, Span<byte> destination)
    {
        fixed (byte* to = destination)
        {
            if (Begin(row, to))
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
                pending |= Begin(rows[i], to + ((long)i * Row.Bytes));
            }

            if (pending)
            {
                _session.CompletePending(wait: true);
            }
        }
    }

    public void Write(long row, ReadOnlySpan<byte> contents) =>
        _session.Upsert(ref row, ref Unsafe.As<byte, Value>(ref MemoryMarshal.GetReference(contents[..Row.Bytes])));

    /// <summary>The log holds the last rows from loading; only reads fill the cache.</summary>
    public void Warm()
    {
    }

    public void Dispose()
    {
        _session.Dispose();
        _store.Dispose();
        _device.Dispose();
    }

    private bool Begin(long row, byte* to)
    {
        nint input = (nint)to;
        byte output = 0;
        Status status = _session.Read(ref row, ref input, ref output);
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

        private static void Copy(ref Value value, nint to) =>
            Unsafe.CopyBlockUnaligned(ref *(byte*)to, ref Unsafe.As<Value, byte>(ref value), Row.Bytes);
    }
}
