using Paging.Swap.Devices;

namespace Paging.Residency;

/// <summary>Where in a file an array lies that is to be mapped.</summary>
/// <param name="Source">The file, of which the caller is a user.</param>
/// <param name="Offset">Where the array begins.</param>
internal sealed record SourceRange(SharedSource Source, long Offset) : IBackingSource
{
    /// <summary>The backing of the array, as one more user of the file.</summary>
    public PageBacking Back(PagingDomain domain, in Geometry geometry)
    {
        ObjectDisposedException.ThrowIf(!Source.TryAddUser(), typeof(SourceFile));
        try
        {
            return new FileBacking(Source, Offset, geometry, domain);
        }
        catch
        {
            Source.RemoveUser();
            throw;
        }
    }
}
