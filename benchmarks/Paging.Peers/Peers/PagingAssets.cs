using Paging.Peers.Data;
using Paging.Peers.Running;
using Paging.Peers.Workloads;

namespace Paging.Peers.Peers;

/// <summary>This library as a program that streams assets would set it up: longer pages, and four fifths of the memory frames, since what is
/// prefetched goes there, and what is in the pool is not there for <see cref="PagedArray{T}.TryRead"/>.</summary>
internal sealed class PagingAssets : IAssetReader
{
    private const int PageBytes = 64 << 10;
    private const double FramesShare = 1.25;
    private readonly Pager _pager;
    private readonly PagedArray<byte> _array;
    private readonly bool _isDataset;

    /// <summary>Of the thread that reads ahead.</summary>
    private readonly List<Task> _ahead = [];

    public PagingAssets(PeerContext context, bool isDataset)
    {
        _isDataset = isDataset;
        _pager = new Pager(PagingBudgets.For(context, PageBytes, FramesShare));
        string name = isDataset ? "rows.zarr" : "rows.bin";
        string path = context.PathOf(name);
        context.Once(name, () => Make(context, path));
        PageCache.Drop(context.Directory);
        _array = isDataset ? _pager.Open<byte>(path) : _pager.MapFile<byte>(path, 0, context.DataBytes);
    }

    public string Settings =>
        $"{(_isDataset ? "Open of a dataset saved with Speed (LZ4), a chunk a page" : "MapFile over the file")}" +
        $", PrefetchAsync ahead; {PagingBudgets.Describe(_pager.Options)}";

    public void Read(long row, Span<byte> destination)
    {
        using ReadLease<byte> lease = _array.Read(row * Row.Bytes);
        lease.Span[..Row.Bytes].CopyTo(destination);
    }

    public void Gather(ReadOnlySpan<long> rows, Span<byte> destination)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            Read(rows[i], destination[(i * Row.Bytes)..]);
        }
    }

    public void ReadRun(long first, int rows, Span<byte> destination) => _array.CopyTo(first * Row.Bytes, destination[..(rows * Row.Bytes)]);

    public bool TryReadRun(long first, int rows, Span<byte> destination)
    {
        destination = destination[..(rows * Row.Bytes)];
        for (long start = first * Row.Bytes; !destination.IsEmpty;)
        {
            if (!_array.TryRead(start, out ReadLease<byte> lease))
            {
                return false;
            }

            using (lease)
            {
                int count = Math.Min(lease.Span.Length, destination.Length);
                lease.Span[..count].CopyTo(destination);
                destination = destination[count..];
                start += count;
            }
        }

        return true;
    }

    public void Ahead(long first, int rows)
    {
        foreach (Task task in _ahead.Where(t => t.IsCompleted))
        {
            task.GetAwaiter().GetResult();
        }

        _ahead.RemoveAll(t => t.IsCompleted);
        _ahead.Add(_array.PrefetchAsync(first * Row.Bytes, (long)rows * Row.Bytes).AsTask());
    }

    public void Warm()
    {
        byte[] bytes = new byte[1 << 20];
        for (long start = 0; start < _array.Length; start += bytes.Length)
        {
            _array.CopyTo(start, bytes.AsSpan(0, (int)Math.Min(bytes.Length, _array.Length - start)));
        }
    }

    public void Dispose()
    {
        Task.WhenAll(_ahead).GetAwaiter().GetResult();
        _pager.Dispose();
    }

    private void Make(PeerContext context, string path)
    {
        if (!_isDataset)
        {
            MappedView.Copy(context.RowFile, path);
            return;
        }

        using Pager pager = new(PagingBudgets.For(context, PageBytes));
        using PagedArray<byte> rows = pager.MapFile<byte>(context.RowFile, 0, context.DataBytes);
        rows.Save(path, new DatasetOptions { Compression = CompressionGoal.Speed, ChunkBytes = PageBytes, Overwrite = true });
    }
}
