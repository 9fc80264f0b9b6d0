namespace Paging.TestSeam;

/// <summary>The kinds of shared words, so that a scheduler can report before which access it switched threads.</summary>
internal enum SharedWord
{
    Page,
    PageTable,
    Granule,
    Node,
    PageData,
    FrameRecord,
    FrameList,
    FrameRing,
    Descriptor,
    DescriptorList,
    Segment,
    SegmentLive,
    Writer,
    ArrayState,
    Counter,
    FaultRequest,
    Operation,
    Stream,
    FileRead,
    Lock,
}
