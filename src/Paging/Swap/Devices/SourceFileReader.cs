using System.Runtime.InteropServices;

namespace Paging.Swap.Devices;

/// <summary>Reads parts of a file that are not to be paged: headers, metadata.</summary>
internal static unsafe class SourceFileReader
{
    /// <summary>Bytes that are read at a time.</summary>
    private const int ChunkBytes = 64 << 10;
    private const int Block = SwapDevice.BufferAlignment;

    /// <summary>Reads as many bytes as the destination has.</summary>
    /// <exception cref="IOException">They cannot be read; or there are fewer.</exception>
    internal static void Read(SourceFile file, long offset, Span<byte> destination)
    {
        int error = TryRead(file, offset, destination);
        if (error != 0)
        {
            throw new IOException(
                $"'{file.Path}' cannot be read from offset {offset:N0} on: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).");
        }
    }

    /// <summary>As <see cref="Read"/>.</summary>
    /// <returns>0 or an error number.</returns>
    internal static int TryRead(SourceFile file, long offset, Span<byte> destination)
    {
        byte* buffer = (byte*)NativeMemory.AlignedAlloc(ChunkBytes, Block);
        try
        {
            while (!destination.IsEmpty)
            {
                int skip = (int)(offset & (Block - 1));
                int count = Math.Min(destination.Length, ChunkBytes - skip);
                int length = (skip + count + Block - 1) & -Block;
                int error = file.Read(offset - skip, buffer, length, skip + count);
                if (error != 0)
                {
                    return error;
                }

                new ReadOnlySpan<byte>(buffer + skip, count).CopyTo(destination);
                destination = destination[count..];
                offset += count;
            }

            return 0;
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }
}
