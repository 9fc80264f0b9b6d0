using System.IO.Hashing;

namespace QuickStart;

/// <summary>The XXH3 of every page, taken from the bytes of the files while they are loaded. Each entry is recorded by
/// one thread before any thread verifies.</summary>
internal sealed class PageChecks(DataSet data, Workload work)
{
    private readonly ulong[] _expected = new ulong[work.PageCount];

    public void Record(int page, ReadOnlySpan<byte> fileBytes) => _expected[page] = XxHash3.HashToUInt64(fileBytes);

    /// <exception cref="DifferenceException">The page is not what the files hold.</exception>
    public void Verify(int page, ReadOnlySpan<byte> actual)
    {
        if (actual.Length != work.LengthOf(page) || XxHash3.HashToUInt64(actual) != _expected[page])
            throw Explain(page, ReadFiles(page), actual);
    }

    /// <summary>Verifies a page after the writing phase: it must be what the files hold, read anew, with every edit
    /// done to it.</summary>
    /// <param name="buffer">At least a page; overwritten.</param>
    public void VerifyEdited(int page, ReadOnlySpan<byte> actual, DataSet.Reader reader, Span<byte> buffer)
    {
        Span<byte> expected = buffer[..work.LengthOf(page)];
        reader.Read(work.Start(page), expected);
        if (XxHash3.HashToUInt64(expected) != _expected[page])
            throw new InputException($"{Place(work.Start(page))}, or the file after it, changed while it was in use");

        work.ApplyEdits(page, expected);
        if (actual.Length != expected.Length || XxHash3.HashToUInt64(actual) != XxHash3.HashToUInt64(expected))
            throw Explain(page, expected, actual);
    }

    private byte[] ReadFiles(int page)
    {
        using DataSet.Reader reader = data.OpenReader();
        byte[] bytes = new byte[work.LengthOf(page)];
        reader.Read(work.Start(page), bytes);
        return bytes;
    }

    private DifferenceException Explain(int page, ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        int at = expected.CommonPrefixLength(actual);
        if (at < expected.Length && at < actual.Length)
            return new($"{Place(work.Start(page) + at)} should be 0x{expected[at]:x2} and came back as 0x{actual[at]:x2}");

        // Equal bytes with another hash: the page was different a moment ago, or the file is no longer what it was.
        return new($"{Place(work.Start(page))}: the page that begins here came back different, {actual.Length} bytes of {expected.Length}");
    }

    private string Place(long position)
    {
        DataFile file = data.FileAt(position);
        return $"'{file.Path}' at offset {position - file.Start}";
    }
}
