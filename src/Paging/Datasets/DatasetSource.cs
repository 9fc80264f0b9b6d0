using System.Diagnostics;
using Paging.Formats;
using Paging.Residency;
using Paging.Swap.Devices;

namespace Paging.Datasets;

/// <summary>A dataset that arrays are about to be made over. Disposing it leaves the dataset to them.</summary>
internal sealed class DatasetSource : IBackingSource, IDisposable
{
    private readonly DatasetDirectory _directory;
    private bool _isDisposed;

    /// <summary>Opens a dataset, and reads its metadata.</summary>
    /// <exception cref="InvalidDataException">It is none, or is damaged, or cannot be had.</exception>
    /// <exception cref="IOException">The system refuses, with a type that says why.</exception>
    internal DatasetSource(string path, IoEngine engine)
    {
        _directory = DatasetDirectory.Open(path, engine);
        try
        {
            Metadata = _directory.ReadMetadata();
        }
        catch
        {
            _directory.RemoveUser();
            throw;
        }
    }

    internal ZarrMetadata Metadata { get; }

    /// <summary>How items lie in it. Set before anything is made.</summary>
    internal DatasetLayout Layout { get; set; } = null!;

    public PageBacking Back(PagingDomain domain, in Geometry geometry)
    {
        bool isUser = _directory.TryAddUser();
        Debug.Assert(isUser, "this is one, too");
        try
        {
            return new DatasetBacking(new ShardTable(_directory, Layout, indexBytes: domain.Options.ResidentBytes / 4), Layout, geometry, domain);
        }
        catch
        {
            _directory.RemoveUser();
            throw;
        }
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _directory.RemoveUser();
        }
    }
}
