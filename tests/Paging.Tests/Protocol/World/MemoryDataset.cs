#if DEBUG
using System.Text;
using Paging.Datasets;
using Paging.Formats;
using Paging.Interop;
using Paging.Residency;
using Paging.Swap.Devices;
using Paging.Tests.Formats;
using Paging.Tests.Swap.Devices.Doubles;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Tests.Protocol;

/// <summary>A dataset in memory, whose files may not be there, refuse to be opened, fail to be read, and hold back what is submitted. Each
/// time that one is opened it is another file, which fails the test when it is read after it was closed, or closed twice.</summary>
internal sealed class MemoryDataset : RefCounted, IDatasetFiles, IBackingSource, IDelayedTransfers
{
    private readonly Shape _shape;
    private readonly ulong _seed;
    private readonly long _maxOpen;
    private readonly List<MemorySource> _opened = [];
    private int _closes;

    /// <param name="shape">What is in it.</param>
    /// <param name="seed">Of the choices that its files make.</param>
    /// <param name="maxOpen">Files that an array keeps open, at most, in round numbers.</param>
    internal MemoryDataset(Shape shape, ulong seed, long maxOpen = long.MaxValue)
    {
        _shape = shape;
        _seed = seed;
        _maxOpen = maxOpen;
    }

    internal DatasetLayout Layout => _shape.Layout;

    internal ReadOnlySpan<long> Salts => _shape.Salts;

    /// <summary>Says which files cannot be opened, by name: with an error number, or 0.</summary>
    internal Func<string, int> OpenErrorOf { get; set; } = static _ => 0;

    /// <summary>Says which blocks fail to be read, by the file's name and their offset: with an error number, or 0.</summary>
    internal Func<string, long, int> ReadErrorOf { get; set; } = static (_, _) => 0;

    /// <summary>Holds back what is submitted from now on.</summary>
    public bool DelaysCompletion
    {
        get;
        set
        {
            field = value;
            _opened.ForEach(file => file.DelaysCompletion = value);
        }
    }

    /// <summary>How often a file was opened.</summary>
    internal int Opened => _opened.Count;

    public int PendingCount => _opened.Sum(static file => file.PendingCount);

    /// <summary>Completes one of the reads that are held back.</summary>
    public bool CompleteOne() => _opened.Find(static file => file.PendingCount != 0)?.CompleteOne() ?? false;

    /// <summary>All that was opened was closed once. Every array is disposed.</summary>
    internal void AssertClosed()
    {
        Assert.Equal(0, _closes);
        RemoveUser();
        Assert.Equal(1, _closes);
        Assert.All(_opened, static file => Assert.Equal(1, file.Closed));
    }

    public PageBacking Back(PagingDomain domain, in Geometry geometry)
    {
        Assert.True(TryAddUser());
        return new DatasetBacking(new ShardTable(this, Layout, _maxOpen), Layout, geometry, domain);
    }

    public SourceFile? TryOpen(string name, out int error)
    {
        // So that a seeded scheduler lets others run while the system is at it.
        TestHook.Reach(SharedWord.PageData);
        error = OpenErrorOf(name);
        if (error != 0 || !_shape.Files.TryGetValue(name, out byte[]? bytes))
        {
            error = error != 0 ? error : Errno.ENOENT;
            return null;
        }

        var file = new MemorySource(bytes, seed: _seed + (ulong)_opened.Count)
        {
            ErrorOf = offset => ReadErrorOf(name, offset),
            DelaysCompletion = DelaysCompletion,
        };
        _opened.Add(file);
        TestHook.Reach(SharedWord.PageData);
        return file;
    }

    public string PathOf(string name) => $"in memory/{name}";

    public bool IsSame() => true;

    void IDatasetFiles.RemoveUser() => RemoveUser();

    protected override void Close() => _closes++;

    /// <summary>What is in a dataset, made once.</summary>
    internal sealed class Shape
    {
        private const int PageLength = World.PageBytes / sizeof(long);

        /// <param name="salts">What its pages hold; zeroes are left out where a chunk has nothing else.</param>
        /// <param name="chunk">Elements of a chunk.</param>
        /// <param name="chunksPerShard">0 for chunks in files of their own.</param>
        internal Shape(long[] salts, int chunk, int chunksPerShard)
        {
            Salts = salts;
            long[] elements = [.. salts.SelectMany(static salt => Contents.Page(salt, PageLength))];
            var zarr = new Zarr([elements.Length], [chunk], chunksPerShard == 0 ? null : [(long)chunk * chunksPerShard], "int64", sizeof(long))
            {
                Compressor = """{"name":"zstd","configuration":{"level":3,"checksum":true}}""",
                Compress = Zarr.Zstd,
                HasChecksum = true,
                IsMissing = at => elements.AsSpan((int)at * chunk, chunk).IndexOfAnyExcept(0) < 0,
            };
            Files = zarr.Files(System.Runtime.InteropServices.MemoryMarshal.AsBytes(elements.AsSpan()).ToArray())
                .ToDictionary(static file => file.Name, static file => file.Bytes);
            Layout = DatasetLayout.OfElements(ZarrMetadata.Parse("in memory", Encoding.UTF8.GetBytes(zarr.Json)), "in memory");
        }

        internal long[] Salts { get; }

        internal Dictionary<string, byte[]> Files { get; }

        internal DatasetLayout Layout { get; }
    }
}
#endif
