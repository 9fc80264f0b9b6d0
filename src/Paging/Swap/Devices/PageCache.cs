using System.Runtime.InteropServices;
using Paging.Interop;

namespace Paging.Swap.Devices;

/// <summary>The system's page cache, past which files are read and written where their file system allows it.</summary>
internal static unsafe class PageCache
{
    /// <summary>Sets O_DIRECT and tries it: some file systems refuse the flag, others the first transfer.</summary>
    /// <param name="descriptor">A file that is not empty.</param>
    /// <returns>False when the file is read through the cache, as before.</returns>
    internal static bool TryBypass(int descriptor)
    {
        const int Block = SwapDevice.BufferAlignment;
        int flags = OpenFile.fcntl(descriptor, OpenFile.F_GETFL, 0);
        if (flags < 0 || OpenFile.fcntl(descriptor, OpenFile.F_SETFL, flags | OpenFile.O_DIRECT) != 0)
        {
            return false;
        }

        void* block = NativeMemory.AlignedAlloc(Block, Block);
        int error;
        try
        {
            // The file may end within the block.
            var progress = new TransferProgress(Block, wanted: 1);
            error = BlockingTransfer.Continue(descriptor, IoOperation.Read, (byte*)block, 0, ref progress);
        }
        finally
        {
            NativeMemory.AlignedFree(block);
        }

        if (error != 0)
        {
            _ = OpenFile.fcntl(descriptor, OpenFile.F_SETFL, flags);
        }

        return error == 0;
    }
}
