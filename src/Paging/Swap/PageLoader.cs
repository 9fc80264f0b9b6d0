using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Paging.Codecs;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>Loads a stored page: finds its entry, pins the segment, decodes and verifies.</summary>
/// <remarks>Nothing here allocates managed memory. A load that reads a file waits for the device, and holds nothing but its pin and a
/// buffer meanwhile.</remarks>
internal sealed unsafe partial class PageLoader(SegmentTable segments, DescriptorTable descriptors, Counters counters)
{
    /// <summary>Parts of files that are being read for pages that are about to be loaded.</summary>
    internal FileReads Reads { get; } = new(segments, counters);

    /// <summary>Where a page is now. Its reference is the caller's, or it may be another page's by then.</summary>
    internal Location Locate(uint index) => descriptors.Locate(index);

    /// <summary>Loads a page whose reference the caller holds. So the page cannot be freed meanwhile, but it may be moved.</summary>
    /// <param name="index">The descriptor.</param>
    /// <param name="page">Receives the page. If the load fails, its contents mean nothing.</param>
    /// <param name="length">The page's length in bytes.</param>
    /// <param name="fromMemory">Whether a page that is in a file is not read: <see cref="LoadStatus.InFile"/>.</param>
    internal LoadResult Load(uint index, byte* page, int length, bool fromMemory = false) =>
        LoadCore(descriptors.Id(index), isPublic: false, page, length, fromMemory);

    /// <summary>Prefetches the beginning of a stored page that is about to be loaded, while its frame is being found.</summary>
    internal void Prefetch(uint index)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        Location location = descriptors.Locate(index);
        if (location.Where == Location.Kind.Segment)
        {
            Segment* segment = segments[location.Segment];
            // If the page is in a file, or has been moved, the address means nothing; prefetching it does no harm.
            byte* entry = segment->Address + location.Offset;
            Sse.Prefetch0(&segment->Word);
            Sse.Prefetch0(entry);
            Sse.Prefetch0(entry + 64);
            Sse.Prefetch0(entry + 128);
            Sse.Prefetch0(entry + 192);
        }
    }

    /// <summary>Whether a stored page was redundant and has been dropped.</summary>
    internal bool IsDropped(uint index) => descriptors.Locate(index).Where == Location.Kind.Dropped;

    /// <summary>Loads a page by a program's id, which may be freed at any time.</summary>
    /// <param name="id">The id.</param>
    /// <param name="page">Receives the page. If the load fails, its contents mean nothing.</param>
    /// <param name="length">The length that <see cref="TryGetLength"/> gave for this id.</param>
    internal LoadResult LoadPublic(ulong id, byte* page, int length) => LoadCore(id, isPublic: true, page, length, fromMemory: false);

    /// <summary>The length of the page behind a program's id; false when the id has no reference.</summary>
    internal bool TryGetLength(ulong id, out int length)
    {
        length = 0;
        Spinner spinner = default;
        while (true)
        {
            uint index = descriptors.Find(id);
            if (index == 0)
            {
                return false;
            }

            Location location = descriptors.Locate(index);
            length = location.Where == Location.Kind.Pattern
                ? location.PatternLength
                : (int)(uint)descriptors.Details(index).First;

            // The length belongs to the id only if the id still names the page, at the same place.
            Volatile.ReadBarrier();
            if (location.Where != Location.Kind.None && descriptors.Locate(index) == location && descriptors.Find(id) == index)
            {
                return true;
            }

            spinner.Once();
        }
    }

    /// <summary>How often a descriptor is looked at that does not change and cannot be followed. Fewer times under a seeded scheduler,
    /// whose runs are short.</summary>
    private static int MaxRefusals => TestHook.Interleaver is null ? 1 << 16 : 1 << 7;

    private LoadResult LoadCore(ulong id, bool isPublic, byte* page, int length, bool fromMemory)
    {
        uint index = (uint)id;
        int refusals = 0;
        Spinner spinner = default;
        while (true)
        {
            if (isPublic && descriptors.Find(id) == 0)
            {
                return new LoadResult(LoadStatus.Gone);
            }

            Location location = descriptors.Locate(index);
            switch (location.Where)
            {
                case Location.Kind.Pattern:
                    (ulong first, ulong second) = descriptors.Details(index);
                    Volatile.ReadBarrier();
                    if (isPublic && (descriptors.Locate(index) != location || descriptors.Find(id) == 0))
                    {
                        break;
                    }

                    SameFilled.Fill(page, length, Vector128.Create(first, second).AsByte());
                    return new LoadResult(LoadStatus.Loaded);

                case Location.Kind.Segment when segments.TryPin(location.Segment, out bool onFile):
                    LoadResult result;
                    try
                    {
                        result = !onFile ? LoadPinned(id, location, page, length)
                            : fromMemory ? new LoadResult(LoadStatus.InFile)
                            : LoadFromFile(id, location, page, length);
                    }
                    finally
                    {
                        segments.Unpin(location.Segment);
                    }

                    if (result.Status != LoadStatus.Moved)
                    {
                        return result;
                    }

                    break;

                case Location.Kind.Lost when !isPublic || descriptors.Find(id) == index:
                    return new LoadResult(LoadStatus.Lost);

                case Location.Kind.Dropped:
                    return new LoadResult(LoadStatus.Dropped);
            }

            // The page was freed or moved, or its segment was reused: start over. A descriptor that does not change and points to nothing
            // that can be read has been damaged, and must not cause an endless loop. One whose segment waits for its readers to leave,
            // before its memory is given back, is neither.
            refusals = descriptors.Locate(index) == location && !segments.IsDemoting(location) ? refusals + 1 : 0;
            if (refusals > MaxRefusals)
            {
                return new LoadResult(LoadStatus.Corrupted);
            }

            spinner.Once();
        }
    }

    private LoadResult LoadPinned(ulong id, Location location, byte* page, int length)
    {
        uint index = (uint)id;

        // Read again under the pin: if the descriptor still points here, the entry stays until the pin is given back (rule 5).
        if (HasMoved(index, location))
        {
            return new LoadResult(LoadStatus.Moved);
        }

        TestHook.Reach(SharedWord.PageData);
        EntryHeader* header = (EntryHeader*)(segments[location.Segment]->Address + location.Offset);

        // Decoded first and verified afterwards: decoding brings the bytes into the cache, where the checksum reads them at a third of the
        // cost of touching them first. The decoder trusts nothing, and no other thread sees the page before it is verified.
        if (TryRead(header, id, location, page, length))
        {
            if (segments.Files.IsAny)
            {
                // For writeback, which passes over segments that were in use lately.
                Interlocked.Add(ref segments[location.Segment]->Loaded, location.Units);
            }

            descriptors.NoteLoaded(index);
            return new LoadResult(LoadStatus.Loaded) { IsRecompressed = location.IsRecompressed };
        }

        // Another thread may have freed the id, and the descriptor may already be another page's, even at this very place.
        if (HasMovedOrGone(id, location))
        {
            return new LoadResult(LoadStatus.Moved);
        }

        return new LoadResult(LoadStatus.Corrupted);
    }

    /// <summary>Decodes and verifies an entry that stays where it is meanwhile.</summary>
    private static bool TryRead(EntryHeader* header, ulong id, Location location, byte* page, int length) =>
        IsPlausible(header, id, location, length)
        && PageCodec.TryDecode(header->Form, (byte*)(header + 1), header->EncodedLength, page, length)
        && IsIntact(header, page);

    /// <summary>Whether the header agrees with the descriptor. Checked before the header's lengths are used.</summary>
    private static bool IsPlausible(EntryHeader* header, ulong id, Location location, int length) =>
        header->Id == id && header->PageLength == length && header->Units == location.Units;

    private static bool IsIntact(EntryHeader* header, byte* page)
    {
        // A raw page is verified in its copy: a long copy leaves its target in the cache, not its source.
        byte* encoded = header->Form.Codec == Codec.Raw ? page : (byte*)(header + 1);
        return header->ChecksumOf(encoded) == header->Checksum;
    }
}
