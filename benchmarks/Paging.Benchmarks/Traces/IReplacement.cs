namespace Paging.Benchmarks.Traces;

/// <summary>A replacement policy over a fixed number of frames. Pages are numbers from 0 to the distinct pages of a trace, less
/// one.</summary>
/// <remarks>A page that was accessed is resident until a later access evicts it: a pager has no way around a frame. One that holds memory
/// is <see cref="IDisposable"/>.</remarks>
internal interface IReplacement
{
    /// <summary>Looks the page up, and brings it in on a miss.</summary>
    /// <returns>Whether it was resident: a hit.</returns>
    bool Access(int page);

    /// <summary>Whether an access would be a hit. Changes nothing; for checks.</summary>
    bool IsResident(int page);
}
