using Paging.Formats;

namespace Paging.Tests.Formats;

/// <summary>Bytes as a file whose header is read.</summary>
internal static class Bytes
{
    /// <summary>Reads from them, and fails the test where something is read that they have not.</summary>
    public static FileReader Reader(byte[] file) => (offset, destination) =>
    {
        Assert.True(offset >= 0 && destination.Length <= file.Length - offset, $"{destination.Length} bytes at {offset} of {file.Length} are read");
        file.AsSpan((int)offset, destination.Length).CopyTo(destination);
    };
}
