namespace Paging.Formats;

/// <summary>Reads a part of a file whose length is known.</summary>
/// <param name="offset">Where from.</param>
/// <param name="destination">Receives as many bytes as it is long.</param>
/// <exception cref="IOException">They cannot be read.</exception>
internal delegate void FileReader(long offset, Span<byte> destination);
