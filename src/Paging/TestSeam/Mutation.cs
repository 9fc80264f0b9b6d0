namespace Paging.TestSeam;

/// <summary>Ways to break a rule of the protocol on purpose, so that a test can show that it would notice. The rules are numbered as in
/// docs/concurrency.md.</summary>
internal enum Mutation
{
    None,

    /// <summary>Rule 1: a write pins first and marks the page dirty afterwards.</summary>
    DirtyAfterPin,

    /// <summary>Rule 1: the evictor of a dirty page does not ask for zero pins.</summary>
    EvictPinned,

    /// <summary>Rule 2: the writer reads the stored id again after giving back the pin.</summary>
    FreeCopyAfterUnpin,

    /// <summary>Rule 2: the stored copy outlives the first write.</summary>
    KeepStaleCopy,

    /// <summary>Rule 3: an optimistic read does not compare the version.</summary>
    IgnoreVersion,

    /// <summary>Rule 3: the words of a table that was given back start again with the first version.</summary>
    ForgetVersions,

    /// <summary>A thread that has pinned or claimed a word in a node does not check which page it belongs to.</summary>
    SkipNodeRecheck,

    /// <summary>A table is given back although pages are in it.</summary>
    ReleaseTableInUse,

    /// <summary>Rule 3: an optimistic read does not compare the word at all.</summary>
    SkipRecheck,

    /// <summary>Rule 4: a publisher does not look at the disposed flag after its CAS.</summary>
    SkipDisposedRecheck,

    /// <summary>Rule 4: the evictor takes a page that no longer lives in its frame.</summary>
    EvictOtherFrame,

    /// <summary>Rule 5: a reader does not pin the segment.</summary>
    SkipSegmentPin,

    /// <summary>Rule 5: a reader does not read the descriptor again after its pin.</summary>
    SkipDescriptorRecheck,

    /// <summary>Rule 5: a checksum failure is reported although the descriptor has changed.</summary>
    ReportMovedAsCorrupt,

    /// <summary>Rule 5: a segment's memory is given back when the segment is written, even if readers are in it.</summary>
    DemoteUnderReaders,

    /// <summary>Rule 5: writeback does not pin what it writes.</summary>
    WriteUnpinned,

    /// <summary>Rule 5: a slot is given back while a reader is in the segment.</summary>
    FreeSlotUnderReaders,

    /// <summary>Rule 6: an entry is counted out while its segment may move between memory and file.</summary>
    CountOutUnpinned,

    /// <summary>Rule 6: a reference is added to a page that has none left.</summary>
    ReviveFromZero,

    /// <summary>Rule 6: Free debits the location that it read first, not the one that its exchange returned.</summary>
    DebitReadLocation,

    /// <summary>Rule 6: writer and mover credit the entry's segment after the descriptor points there.</summary>
    CreditAfterPublishing,

    /// <summary>Rule 6: the recompressor counts a page as shorter although it was freed before it could be moved.</summary>
    RecountUnmoved,

    /// <summary>Rule 5: a damaged entry is compressed again, and gets a new checksum.</summary>
    RecompressDamaged,

    /// <summary>Rule 6: an open segment is freed when it holds nothing live.</summary>
    FreeOpenSegment,

    /// <summary>Rule 7: the claim is not given back when the load fails.</summary>
    KeepClaimOnFailure,

    /// <summary>Rule 7: a waiter parks without setting its bit under the bucket's lock.</summary>
    ParkWithoutBit,

    /// <summary>Rule 7: an access that has pages pinned waits for leases of others when it needs a frame for one more.</summary>
    WaitWithPins,

    /// <summary>Rule 7: a writer that is given back is free for whoever comes first, however long others have waited for one.</summary>
    NeverHandOver,

    /// <summary>Rule 7: who leaves the line for a writer does not wake the next in line.</summary>
    LeaveNextAsleep,

    /// <summary>Rule 8: an access is refused without waiting for claims in flight.</summary>
    FullDespiteClaims,

    /// <summary>Rule 8: giving back a pin that threads wait for does not wake them.</summary>
    UnpinWithoutWaking,

    /// <summary>Rule 8: writes may dirty the last frames although the pool is full.</summary>
    DirtyLastFrames,

    /// <summary>Rule 9: eviction may take the segment held back for the cleaner.</summary>
    SpendCleanerReserve,

    /// <summary>Rule 9: a page is refused although another thread has ended the rest of a file that the look has passed over.</summary>
    ForgetRests,

    /// <summary>Rule 9: a page is refused without a look at what writers hold that were in use when room was looked for.</summary>
    OverlookWriters,

    /// <summary>Rule 11: giving back a pin does not look for an underflow.</summary>
    SkipPinCheck,

    /// <summary>Rule 11: a part of a page table is uncovered although a fault in it is about to publish a watched page.</summary>
    UncoverDespiteClaims,

    /// <summary>Rule 4: a page that is brought in for somebody else is pinned for a moment, so that Dispose meets a lease that nobody
    /// has.</summary>
    PinAhead,

    /// <summary>An operation is complete as soon as it is cancelled, although a thread works on it.</summary>
    CompleteUnderWorkers,

    /// <summary>Rule 11: an owner that lets go gives its page back although handles are out.</summary>
    ReleaseUnderHandles,

    /// <summary>Rule 6: a file that its last user has closed gets a user.</summary>
    ReviveClosed,

    /// <summary>Rule 10: a clone takes a page's stored copy without a second look at the page.</summary>
    ShareWithoutRecheck,

    /// <summary>Rule 10: a page that is stored and stays in its frame keeps its version.</summary>
    KeepVersionWhenStored,

    /// <summary>Rule 12: the pool's budget does not count the segments held back.</summary>
    UncountedReserve,
}
