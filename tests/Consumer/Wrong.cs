using Paging;

namespace Consumer;

/// <summary>Leases that are not disposed, for the analyzer in the package. Not compiled otherwise.</summary>
internal static class Wrong
{
    internal static int NeverDisposed(PagedArray<int> array)
    {
        ReadLease<int> lease = array.Read(0); // Found.
        return lease.Span[0];
    }

    internal static int NeverKept(PagedMatrix<int> matrix) => matrix.ReadRow(0).Span[0]; // Found.

    internal static void NotOnEveryPath(PagedArray<int> array, bool early)
    {
        WriteLease<int> lease = array.Write(0); // Found.
        if (early)
        {
            return;
        }

        lease.Dispose();
    }

    internal static int Right(PagedArray<int> array)
    {
        using ReadLease<int> lease = array.Read(0);
        return lease.Span[0];
    }
}
