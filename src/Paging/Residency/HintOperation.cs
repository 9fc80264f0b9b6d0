namespace Paging.Residency;

/// <summary>A prefetch that nobody awaits.</summary>
/// <param name="hints">How many there are.</param>
/// <param name="queue">The pager's.</param>
/// <param name="region">The array.</param>
/// <param name="first">The first page.</param>
/// <param name="end">One past the last page.</param>
/// <param name="most">How many pages may be in frames for it.</param>
internal sealed class HintOperation(HintCount hints, OperationQueue queue, PagedRegion region, long first, long end, long most)
    : AheadOperation(queue, region, first, end, most)
{
    internal void Start() => Queue.Add(this);

    protected override void OnComplete() => hints.Remove();
}
