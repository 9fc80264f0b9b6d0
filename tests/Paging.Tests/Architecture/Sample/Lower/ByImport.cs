using Paging.Tests.Architecture.Sample.Upper;

namespace Paging.Tests.Architecture.Sample.Lower;

/// <summary>A constant leaves no trace in the code but the import.</summary>
internal static class ByImport
{
    internal static int Number() => Up.Number;
}
