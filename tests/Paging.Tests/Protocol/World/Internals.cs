using System.Runtime.CompilerServices;
using Paging.Codecs;
using Paging.Memory;
using Paging.Residency;
using Paging.Swap;
using Paging.Swap.Devices;

namespace Paging.Tests.Protocol;

/// <summary>Private fields that the audit counts.</summary>
internal static unsafe class Internals
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_table")]
    internal static extern ref Descriptor* Table(DescriptorTable descriptors);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_free")]
    internal static extern ref ulong FreeHead(DescriptorTable descriptors);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_free")]
    internal static extern ref ulong[] FreeWords(BounceBuffers buffers);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_sourceBuffers")]
    internal static extern ref BounceBuffers? SourceBuffers(SwapStore store);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_ahead")]
    internal static extern ref int Ahead(BounceBuffers buffers);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_end")]
    internal static extern ref long End(DescriptorTable descriptors);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_free")]
    internal static extern ref int[] FreeChunks(ChunkMemory chunks);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_freeCount")]
    internal static extern ref int FreeCount(ChunkMemory chunks);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_byDead")]
    internal static extern ref NumberLists ByDead(SealedSegments segments);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_bySeal")]
    internal static extern ref ChunkHeap BySeal(SealedSegments segments);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_byVisit")]
    internal static extern ref ChunkHeap ByVisit(SealedSegments segments);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_places")]
    internal static extern ref int[] Places(ChunkHeap heap);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_lists")]
    internal static extern ref NumberLists Lists(FileSegments segments);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_open")]
    internal static extern ref int OpenSegment(LogWriter writer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spare")]
    internal static extern ref int SpareSegment(LogWriter writer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_borrowed")]
    internal static extern ref int Borrowed(LogWriter writer);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_rest")]
    internal static extern ref FileRest Rest(SwapArea area);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_first")]
    internal static extern ref long First(WriterLine line);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_end")]
    internal static extern ref long End(WriterLine line);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_handed")]
    internal static extern ref LogWriter?[] Handed(WriterLine line);

    /// <summary>Puts a thread into line that does not look for a writer, and has to be handed one.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Join")]
    internal static extern long Join(WriterLine line);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_memory")]
    internal static extern ref Reservation Memory(ChunkMemory chunks);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_domain")]
    internal static extern ref PagingDomain Domain(Pager pager);

    /// <summary>Evicts every page that is in a frame and not pinned, however much it is used.</summary>
    internal static void PageOutAll(PagingDomain domain)
    {
        foreach (FrameClass? size in domain.Frames.Classes)
        {
            for (long frame = size?.FirstFrame ?? 0; frame < (size?.End ?? 0); frame++)
            {
                if (domain.Evictor.Evict(size!, frame, StoreLevel.Normal, spare: false) == EvictOutcome.Freed)
                {
                    size!.GiveBack(frame);
                }
            }
        }
    }

    /// <summary>An array over a file that a test has made, which is closed with the array.</summary>
    internal static PagedArray<T> Map<T>(Pager pager, SourceFile file, long offset, long length, PagedArrayOptions? options = null)
        where T : unmanaged
    {
        var source = new SharedSource(file);
        try
        {
            return pager.Map<T>(source, offset, length, options);
        }
        finally
        {
            source.RemoveUser();
        }
    }

    /// <summary>A swap file over a device that a test has made.</summary>
    internal static SwapFile AddDevice(PagingDomain domain, SwapDevice device, int priority = 0)
    {
        var options = new SwapFileOptions { Path = device.Path, Bytes = device.Bytes, Priority = priority };
        return new SwapFile(domain, options) { Area = domain.SwapFiles.AddDevice(device, options) };
    }

    /// <summary>Of the native memory: the pager until it is disposed, and every array until it is finalized.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_holders")]
    internal static extern ref int Holders(PagingDomain domain);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_arrays")]
    internal static extern ref RegionReadahead?[] Arrays(Readahead readahead);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_workers")]
    private static extern ref BackgroundWorker[] Workers(PagingDomain domain);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_thread")]
    private static extern ref Thread Thread(BackgroundWorker worker);

    internal static Thread[] BackgroundThreads(Pager pager) => [.. Workers(Domain(pager)).Select(static worker => Thread(worker))];

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pages")]
    internal static extern ref PageAccessor Pages(PagedArray<long> array);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pages")]
    internal static extern ref PageAccessor Pages(PagedMatrix<long> matrix);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_pages")]
    private static extern ref PageAccessor Pages(PagedArray<byte> array);

    internal static PagedRegion Region(PagedArray<byte> array) => Pages(array).Region;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_untried")]
    internal static extern ref int Untried(CompressionPolicy policy);

    internal static int References(DescriptorTable descriptors, uint index) =>
        (int)(Volatile.Read(ref Table(descriptors)[index].Life) & 0x3FFFFFFF);

    internal static SegmentState State(SegmentTable segments, int segment) =>
        SegmentWord.State(Volatile.Read(ref segments[segment]->Word));

    /// <summary>The frame that a resident page's word names.</summary>
    internal static long FrameOf(FrameClass size, ulong word) => size.FrameAt(PageWord.Offset(word));

    internal static unsafe uint StoredCopy(FrameClass size, ulong word) => size.RecordOf(PageWord.Offset(word))->Stored;
}
