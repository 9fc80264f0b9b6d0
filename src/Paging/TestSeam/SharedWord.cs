namespace Paging.TestSeam;

/// <summary>The shared words, so that a scheduler can say where it switched.</summary>
internal enum SharedWord
{
    Page,
    PageTable,
    Granule,
    Node,
    PageData,
    FrameRecord,
    FrameList,
    Descriptor,
    DescriptorList,
    Segment,
    SegmentLive,
    Writer,
    ArrayState,
    Counter,
    Lock,
}
