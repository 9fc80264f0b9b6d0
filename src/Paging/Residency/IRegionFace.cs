namespace Paging.Residency;

/// <summary>The face of a region: what must stop taking pins before a region is closed.</summary>
internal interface IRegionFace
{
    /// <summary>Sets the limit that the fast paths check to zero, or back.</summary>
    void SetOpen(bool open);
}
