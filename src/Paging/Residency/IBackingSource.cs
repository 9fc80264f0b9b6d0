namespace Paging.Residency;

/// <summary>What an array is to be made over: it makes the backing when all else is there.</summary>
internal interface IBackingSource
{
    /// <summary>The backing of the array, which owns it from then on; who makes no array releases it.</summary>
    /// <param name="domain">The pager's, which has a log for pages of this size.</param>
    /// <param name="geometry">How items lie in the pages.</param>
    PageBacking Back(PagingDomain domain, in Geometry geometry);
}
