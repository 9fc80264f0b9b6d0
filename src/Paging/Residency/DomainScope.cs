namespace Paging.Residency;

/// <summary>As long as it lasts, the pager's memory stays, and Dispose waits.</summary>
internal readonly ref struct DomainScope(PagingDomain domain)
{
    public void Dispose()
    {
        domain.Swap.Rundown.Exit();
        GC.KeepAlive(domain);
    }
}
