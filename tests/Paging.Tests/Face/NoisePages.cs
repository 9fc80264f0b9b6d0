using Paging.Stress.Driver;

namespace Paging.Tests.Face;

/// <summary>An array of pages that nothing shrinks, each made from its number and a generation, so that all can be checked
/// without being kept.</summary>
internal sealed class NoisePages : IDisposable
{
    private readonly Dictionary<long, ulong> _written = [];
    private readonly long[] _seen;
    private readonly long[] _expected;
    private readonly ulong _salt;
    private ulong _generation;

    public NoisePages(Pager pager, long pages, ulong salt = 0)
    {
        int pageLength = pager.Options.PageBytes / sizeof(long);
        Array = pager.Allocate<long>(pages * pageLength, new PagedArrayOptions { Name = "noise" });
        _seen = new long[pageLength];
        _expected = new long[pageLength];
        _salt = salt << 40;
    }

    public PagedArray<long> Array { get; }

    public int Count => _written.Count;

    /// <summary>Writes a page by copy, by a lease, or by a copy of a part, by turns.</summary>
    /// <exception cref="OutOfPagingSpaceException">The page is what it was.</exception>
    public void Write(long page)
    {
        ulong salt = _salt + (++_generation << 24) + (ulong)page;
        long start = page * _seen.Length;
        Content.Write<long>(ContentKind.Noise, salt, _expected);
        switch (_generation % 3)
        {
            case 0:
                Array.CopyFrom(start, _expected);
                break;
            case 1:
                using (WriteLease<long> lease = Array.Write(start))
                    _expected.CopyTo(lease.Span);
                break;
            default:
                // The page's first element goes with the rest only if the rest was not refused.
                Array.CopyFrom(start + 1, _expected.AsSpan(1));
                Array[start] = _expected[0];
                break;
        }

        _written[page] = salt;
    }

    /// <summary>Writes pages from a first one on until one is refused, and returns that refusal.</summary>
    public OutOfPagingSpaceException WriteUntilRefused(long first)
    {
        for (long page = first; page < Array.PageCount; page++)
        {
            try
            {
                Write(page);
            }
            catch (OutOfPagingSpaceException e)
            {
                Discard(page);
                return e;
            }
        }

        throw new InvalidOperationException("All pages were taken.");
    }

    public void Discard(long page)
    {
        Array.Discard(page * _seen.Length, _seen.Length);
        _written.Remove(page);
    }

    public void DiscardOdd()
    {
        foreach (long page in _written.Keys.Where(page => page % 2 == 1).ToArray())
            Discard(page);
    }

    /// <summary>Compares every page byte for byte, written and unwritten ones.</summary>
    public void Verify()
    {
        for (long page = 0; page < Array.PageCount; page++)
            Verify(page);
    }

    public void VerifyWritten()
    {
        foreach (long page in _written.Keys)
            Verify(page);
    }

    public void Dispose() => Array.Dispose();

    private void Verify(long page)
    {
        if (_written.TryGetValue(page, out ulong salt))
            Content.Write<long>(ContentKind.Noise, salt, _expected);
        else
            System.Array.Clear(_expected);
        Array.CopyTo(page * _seen.Length, _seen);
        int i = Content.FirstDifference<long>(_expected, _seen);
        if (i >= 0)
            Assert.Fail($"Page {page}: element {i} is {_seen[i]:x}, not {_expected[i]:x}.");
    }
}
