#if DEBUG
using Paging.Codecs;
using Paging.Memory;
using Paging.Residency;
using Paging.Swap;
using Paging.Swap.Devices;
using Paging.Threading;

namespace Paging.Tests.Protocol;

/// <summary>What must hold of a pager when no thread is at work in it: everything is counted once more and compared.</summary>
internal static unsafe class Audit
{
    internal static void Check(World world)
    {
        var references = new Dictionary<uint, int>();
        CheckPages(world, references);
        CheckTables(world);
        foreach ((SwapId id, StoredPage page) in world.Stored)
        {
            references.Add((uint)id.Value, page.References);
        }

        CheckDescriptors(world.Store, references);
        CheckSegments(world.Store);
        RegionReadahead[] readAhead = [.. Internals.Arrays(world.Domain.Prefetcher.Readahead).OfType<RegionReadahead>()];
        Assert.Distinct(readAhead);
        Assert.All(readAhead, static array => Assert.True(array.IsActive, "an array is looked at that thinks it is not"));
        foreach (SegmentLog? log in world.Store.Segments.Logs)
        {
            Assert.Equal(log?.EntryBuffers.Count ?? 0, log is null ? 0 : FreeOf(log.EntryBuffers));
            Assert.Equal(0, log is null ? 0 : Internals.Ahead(log.EntryBuffers));
        }

        if (Internals.SourceBuffers(world.Store) is { } buffers)
        {
            Assert.Equal(buffers.Count, FreeOf(buffers));
            Assert.Equal(0, Internals.Ahead(buffers));
        }
    }

    /// <summary>Behind the disposal of all arrays and the freeing of all ids.</summary>
    internal static void CheckEmpty(World world)
    {
        Assert.Equal(0, world.Domain.Frames.UsedBytes);
        Assert.Equal(0, world.Store.Budget.LiveBytes);
        Assert.Equal(0, world.Store.Budget.StoredBytes);
        Assert.Equal(0, world.Store.Budget.RedundantBytes);
        PagerStatistics statistics = world.Domain.GetStatistics();
        Assert.Equal(0, statistics.ResidentBytes);
        Assert.Equal(0, statistics.PoolLogicalBytes);
        Assert.Equal(0, statistics.SameFilledPages);
        Assert.Equal(0, statistics.IncompressiblePages);
        Assert.Equal(0, statistics.Pins);
        Assert.Equal(0, statistics.FilePages);
        Assert.Equal(0, world.Store.Counters[Counter.FileLiveBytes]);
        foreach (SwapArea? area in world.Store.Files.Areas)
        {
            Assert.True(area is null || area.IsEmpty, "a slot is in use, and nothing is stored");
        }
    }

    private static void CheckPages(World world, Dictionary<uint, int> references)
    {
        var resident = new Dictionary<long, nint>();
        var dirty = new Dictionary<FrameClass, long>();
        foreach (Book book in world.Books)
        {
            Assert.Equal(!book.Region.IsClosed, Internals.Pages(book.Array).IsWithin(0));
            FrameClass size = book.Region.Frames;
            for (int page = 0; page < book.Pages; page++)
            {
                ulong word = book.Word(page);
                PageState state = PageWord.State(word);
                Assert.Contains(state, book.Region.IsClosed ? s_closedStates : s_openStates);
                Assert.Equal(0ul, word & PageWord.Waiters);
                if (state == PageState.Swapped && !PageWord.IsUnstored(word))
                {
                    Own(references, PageWord.Stored(word));
                }
                else if (state == PageState.Resident)
                {
                    Assert.Equal(0, PageWord.Pins(word));
                    long frame = Internals.FrameOf(size, word);
                    Must.Hold(resident.TryAdd(frame, (nint)book.Region.Find(page)), $"frame {frame} holds two pages");
                    FrameRecord* record = size.Records + frame;
                    Assert.Equal((nint)book.Region.Find(page), (nint)record->Page);
                    if ((word & PageWord.Dirty) != 0)
                    {
                        dirty[size] = dirty.GetValueOrDefault(size) + 1;
                        Assert.Equal(0u, record->Stored);
                    }
                    else if (record->Stored != 0)
                    {
                        Own(references, record->Stored);
                    }
                }
            }
        }

        long committed = 0;
        foreach (FrameClass? size in world.Domain.Frames.Classes)
        {
            if (size is not null)
            {
                CheckFrames(size, resident);
                Assert.Equal(dirty.GetValueOrDefault(size), size.DirtyFrames);
                committed += size.Frames * size.PageBytes;
            }
        }

        Assert.Equal(committed, world.Domain.Frames.CommittedBytes);
        Assert.True(committed <= world.Domain.Frames.BudgetBytes, "more frames than the budget pays for");
        Assert.Equal(0, world.Domain.GetStatistics().Pins);
    }

    /// <summary>Every node in use holds the word of one page, and granules with tables know how many pages are in them.</summary>
    private static void CheckTables(World world)
    {
        int nodes = 0;
        foreach (Book book in world.Books)
        {
            PagedRegion region = book.Region;
            const int PagesInGranule = 512;
            for (int first = 0; first < book.Pages && !region.IsClosed; first += PagesInGranule)
            {
                int used = 0;
                int inNodes = 0;
                for (int page = first; page < Math.Min(first + PagesInGranule, book.Pages); page++)
                {
                    bool inNode = region.Find(page) != region.Words + page;
                    inNodes += inNode ? 1 : 0;
                    used += PageWord.State(region.Words[page]) != PageState.Untouched ? 1 : 0;
                    Must.Hold(!inNode || PageWord.State(region.Load(page)) != PageState.Untouched, $"the untouched page {page} has a node");
                }

                nodes += inNodes;
                if (book.Pages > PagesInGranule)
                {
                    ulong granule =
                        *((ulong*)(region.Words + ((book.Pages + PagesInGranule - 1) / PagesInGranule * PagesInGranule)) + (first / PagesInGranule));
                    GranuleForm form = GranuleWord.Form(granule);
                    Assert.False(GranuleWord.IsLocked(granule));
                    Assert.Equal(used, GranuleWord.Pages(granule));
                    Assert.True(form == GranuleForm.Linear || used == 0);
                    Assert.Equal(form == GranuleForm.Sparse, GranuleWord.First(granule) != 0);
                    Assert.InRange(inNodes, 0, form == GranuleForm.Nothing ? 0 : PageDirectory.MaxNodes);
                }
            }
        }

        Assert.Equal(nodes, world.Domain.Nodes.Count);
    }

    /// <summary>Every frame with memory is free or holds one page.</summary>
    private static void CheckFrames(FrameClass size, Dictionary<long, nint> resident)
    {
        var free = new List<long>();
        for (long frame = size.TakeFree(); frame >= 0; frame = size.TakeFree())
        {
            free.Add(frame);
            Must.Hold(!resident.ContainsKey(frame), $"frame {frame} is free, and a page is in it");
            Must.Hold(size.HasMemory(frame), $"frame {frame} is free and has no memory");
            Assert.Equal(0, (nint)size.Records[frame].Page);
            Assert.Equal(0u, size.Records[frame].Stored);
        }

        Assert.Distinct(free);
        Assert.Equal(0, size.FreeFrames);
        long[] holding = [.. resident.Keys.Where(frame => frame >= size.FirstFrame && frame < size.End)];
        int held = holding.Length;
        Assert.All(holding, frame => Must.Hold(size.Replacement.Knows(frame - size.FirstFrame), $"frame {frame} has a page and is in no ring"));
        Assert.Equal(size.Frames, free.Count + held);
        for (int i = free.Count - 1; i >= 0; i--)
        {
            size.GiveBack(free[i]);
        }

        Assert.Equal(free.Count, size.FreeFrames);
    }

    private static void CheckDescriptors(SwapStore store, Dictionary<uint, int> references)
    {
        DescriptorTable descriptors = store.Descriptors;
        Descriptor* table = Internals.Table(descriptors);
        var free = new HashSet<uint>();
        for (uint index = (uint)Internals.FreeHead(descriptors); index != 0; index = (uint)(table[index].Location >> 2))
        {
            Must.Hold(free.Add(index), $"descriptor {index} is on the free list twice");
        }

        for (uint index = 1; index < Internals.End(descriptors); index++)
        {
            int expected = references.GetValueOrDefault(index);
            int count = Internals.References(descriptors, index);
            Must.Hold(count == expected, $"descriptor {index} counts {count} references, and has {expected}");
            Must.Hold(
                free.Contains(index) == (count == 0), $"descriptor {index} with {count} references is on the free list: {free.Contains(index)}");
            if (count > 0)
            {
                Assert.NotEqual(Location.Kind.None, descriptors.Locate(index).Where);
            }
        }

        Assert.DoesNotContain(references.Keys, index => index >= Internals.End(descriptors));
    }

    private static void CheckSegments(SwapStore store)
    {
        DescriptorTable descriptors = store.Descriptors;
        var live = new Dictionary<int, int>();
        var tallies = new Dictionary<int, (long Encoded, long Logical, long Pages)>();
        long poolUnits = 0, filePages = 0, fileUnits = 0;
        var taken = new HashSet<(int Segment, int Unit)>();
        long stored = 0, logical = 0, raw = 0, sameFilled = 0, redundant = 0;
        for (uint index = 1; index < Internals.End(descriptors); index++)
        {
            if (Internals.References(descriptors, index) == 0)
            {
                continue;
            }

            Location location = descriptors.Locate(index);
            if (location.Where == Location.Kind.Pattern)
            {
                sameFilled++;
                continue;
            }

            if (location.Where == Location.Kind.Dropped)
            {
                Assert.True(descriptors.IsRedundant(index), $"descriptor {index} was dropped, and its page was not redundant");
                continue;
            }

            live[location.Segment] = live.GetValueOrDefault(location.Segment) + location.Units;
            for (int unit = 0; unit < location.Units; unit++)
            {
                Assert.True(taken.Add((location.Segment, (location.Offset >> Location.UnitShift) + unit)), "two live entries overlap");
            }

            EntrySize size = descriptors.SizeAt(index, location);
            (long Encoded, long Logical, long Pages) tally = tallies.GetValueOrDefault(location.Segment);
            tallies[location.Segment] = (tally.Encoded + size.Encoded, tally.Logical + size.Logical, tally.Pages + 1);
            Assert.Equal(location.Units, size.Units);
            redundant += size.RedundantUnits;
            Assert.True(
                size.RedundantUnits == 0 || Internals.State(store.Segments, location.Segment) is SegmentState.Open or SegmentState.Sealed,
                $"redundant page {index} is in segment {location.Segment}, which is {Internals.State(store.Segments, location.Segment)}");
            if (Internals.State(store.Segments, location.Segment) == SegmentState.OnFile)
            {
                filePages++;
                fileUnits += location.Units;
            }
            else
            {
                EntryHeader* header = (EntryHeader*)(store.Segments[location.Segment]->Address + location.Offset);
                CheckEntry(header, location, size, (Codec)descriptors.Details(index).Second);
                poolUnits += location.Units;
                stored += size.Encoded;
                logical += size.Logical;
            }

            raw += (Codec)descriptors.Details(index).Second == Codec.Raw && !location.IsRecompressed ? 1 : 0;
        }

        Assert.Equal(poolUnits << Location.UnitShift, store.Budget.LiveBytes);
        Assert.Equal(redundant << Location.UnitShift, store.Budget.RedundantBytes);
        Assert.Equal(filePages, store.Counters[Counter.FilePages]);
        Assert.Equal(fileUnits << Location.UnitShift, store.Counters[Counter.FileLiveBytes]);
        CheckFiles(store, live, tallies);
        Assert.Equal(stored, store.Budget.StoredBytes);
        Assert.Equal(logical, store.Counters[Counter.LogicalBytes]);
        Assert.Equal(raw, store.Counters[Counter.IncompressiblePages]);
        Assert.Equal(sameFilled, store.Counters[Counter.SameFilledPages]);

        long committed = 0;
        foreach (SegmentLog? log in store.Segments.Logs)
        {
            committed += CheckLog(store, log!, live);
        }

        Assert.Equal(committed, store.Budget.CommittedBytes);
        Assert.True(committed <= store.Budget.Bytes, "more segments than the budget pays for");
    }

    /// <summary>What a descriptor says of its entry is what the entry says of itself.</summary>
    private static void CheckEntry(EntryHeader* header, Location location, EntrySize size, Codec stored)
    {
        Assert.Equal(location.Units, header->Units);
        Assert.Equal(size.Logical, header->PageLength);
        Assert.Equal(location.IsRecompressed, header->Form.IsRecompressed);
        if (location.IsRecompressed)
        {
            Assert.Equal(Codec.Zstd, header->Form.Codec);
            Assert.InRange(size.Encoded - header->EncodedLength, 0, 15);
        }
        else
        {
            Assert.Equal(stored, header->Form.Codec);
            Assert.Equal(size.Encoded, header->EncodedLength);
        }
    }

    /// <summary>Each segment's own sums, and that each slot in use holds one segment.</summary>
    private static void CheckFiles(SwapStore store, Dictionary<int, int> live, Dictionary<int, (long Encoded, long Logical, long Pages)> tallies)
    {
        var slots = new Dictionary<int, HashSet<uint>>();
        var slotBytes = new Dictionary<int, long>();
        Dictionary<int, int> lists = Members(Internals.Lists(store.Segments.OnFile), SwapFileTable.MaxFiles * SegmentTable.MaxLogs * DeadShare.Ranks);
        for (int i = 0; i < store.Segments.End; i++)
        {
            Segment* segment = store.Segments[i];
            SegmentState state = Internals.State(store.Segments, i);
            (long encoded, long logical, long pages) = tallies.GetValueOrDefault(i);
            Assert.Equal(encoded + (pages << 32), segment->Tally);
            Assert.Equal(logical, segment->Logical);
            Assert.Equal(live.GetValueOrDefault(i), segment->Live);
            Must.Hold((state == SegmentState.OnFile) == (segment->File != 0), $"segment {i} is {state}, and in file {segment->File}");
            Must.Hold(state is not (SegmentState.Demoting or SegmentState.FileCleaning or SegmentState.Draining), $"segment {i} is {state}");
            if (segment->Damaged == 0)
            {
                int list = state != SegmentState.OnFile ? NumberLists.None
                    : FileSegments.ListOf(
                        segment->File,
                        segment->Log,
                        DeadShare.OnFile(segment->Live << Location.UnitShift, store.Segments.Logs[segment->Log]!.Holds(segment)));
                Assert.Equal(list, lists.GetValueOrDefault(i, NumberLists.None));
            }

            if (state == SegmentState.OnFile)
            {
                Assert.NotEqual(0, segment->Live);
                if (!slots.TryGetValue(segment->File, out HashSet<uint>? of))
                {
                    slots.Add(segment->File, of = []);
                }

                Assert.True(of.Add(segment->Block), "two segments in one slot");
                long slot = store.Files.Of(segment).SlotBlocks(store.Segments.Logs[segment->Log]!.SegmentBytes) * 4096L;
                slotBytes[segment->File] = slotBytes.GetValueOrDefault(segment->File) + slot;
            }
        }

        foreach (SwapArea? area in store.Files.Areas)
        {
            if (area is not null)
            {
                // Those of each page size have a length of their own.
                long held = slotBytes.GetValueOrDefault(area.Number);
                Assert.Equal(held == 0, area.IsEmpty);
                Assert.Equal(held + area.BadBytes, area.UsedBytes);
            }
        }
    }

    /// <returns>Bytes of the log's segments that have memory.</returns>
    private static long CheckLog(SwapStore store, SegmentLog log, Dictionary<int, int> live)
    {
        var open = new HashSet<int>();
        foreach (LogWriter writer in (LogWriter[])[.. log.Writers, log.Mover.Writer, log.Mover.ColdWriter])
        {
            Assert.Equal(0, Internals.Borrowed(writer));
            Assert.True(Internals.OpenSegment(writer) < 0 || open.Add(Internals.OpenSegment(writer)));
            Assert.True(Internals.SpareSegment(writer) < 0 || open.Add(Internals.SpareSegment(writer)));
        }

        Assert.True(log.Line.IsEmpty && Internals.First(log.Line) == Internals.End(log.Line));
        Assert.All(Internals.Handed(log.Line), Assert.Null);
        var free = new HashSet<int>();
        for (int i = 0; i < Internals.FreeCount(log.Chunks); i++)
        {
            Assert.True(free.Add(Internals.FreeChunks(log.Chunks)[i]), "a chunk is on the free list twice");
        }

        long present = free.Count;
        for (int chunk = 0; chunk < log.Chunks.Count; chunk++)
        {
            int segment = log.Chunks.HolderOf(chunk);
            if (segment < 0)
            {
                continue;
            }

            present++;
            Must.Hold(!free.Contains(chunk), $"chunk {chunk} is free, and lent to segment {segment}");
            Assert.Equal(chunk, store.Segments[segment]->Chunk);
            SegmentState state = Internals.State(store.Segments, segment);
            Assert.Equal(0ul, SegmentWord.Pins(Volatile.Read(ref store.Segments[segment]->Word)));
            Assert.Equal(live.GetValueOrDefault(segment), store.Segments[segment]->Live);
            Must.Hold(open.Contains(segment) == (state == SegmentState.Open), $"segment {segment} is {state}");
            Assert.Contains(state, s_quietSegments);
            Assert.True(state is SegmentState.Sealed or SegmentState.Open || store.Segments[segment]->Live == 0);
            Must.Hold(!(state == SegmentState.Sealed && store.Segments[segment]->Live == 0), $"segment {segment} is empty and not free");
        }

        CheckSealed(store, log);
        return present * (log.SegmentBytes + (long)Segment.Size);
    }

    /// <summary>The orders that segments in memory are found by hold those that may be found, and no others.</summary>
    private static void CheckSealed(SwapStore store, SegmentLog log)
    {
        int highest = DeadShare.Nothing;
        int fewest = int.MaxValue;
        Dictionary<int, int> lists = Members(Internals.ByDead(log.Sealed), DeadShare.Ranks + 1);
        for (int chunk = 0; chunk < log.Chunks.Count; chunk++)
        {
            int number = log.Chunks.HolderOf(chunk);
            Segment* segment = number < 0 ? null : store.Segments[number];
            bool isSealed = segment != null && Internals.State(store.Segments, number) == SegmentState.Sealed;
            int live = segment == null ? 0 : segment->Live << Location.UnitShift;
            CheckOrder(Internals.BySeal(log.Sealed), chunk, isSealed, isSealed ? segment->SealedAt : 0);
            long since = isSealed ? log.Sealed.Visits[chunk].Since : ColdVisit.Settled;
            if (!isSealed || segment->Damaged == 0)
            {
                CheckOrder(Internals.ByVisit(log.Sealed), chunk, since != ColdVisit.Settled, since);
                int rank = isSealed ? DeadShare.InMemory(segment->Used, live, log.SegmentBytes) : DeadShare.Nothing;
                Must.Hold(rank == lists.GetValueOrDefault(chunk, DeadShare.Nothing),
                    $"chunk {chunk} ({(segment == null ? "free" : Internals.State(store.Segments, number).ToString())}) " +
                    $"is of rank {rank}, and in list {lists.GetValueOrDefault(chunk, DeadShare.Nothing)}");
                fewest = rank < highest || rank == DeadShare.Nothing ? fewest : rank > highest ? live : Math.Min(fewest, live);
                highest = Math.Max(rank, highest);
            }
        }

        // These worlds have fewer segments than are compared, so the best one is found, not just one of its rank.
        int deadest = log.Sealed.FindDeadest(1);
        Assert.Equal(highest == DeadShare.Nothing, deadest < 0);
        Must.Hold(deadest < 0 || store.Segments[deadest]->Live << Location.UnitShift == fewest, $"segment {deadest} is not the deadest");
    }

    private static void CheckOrder(ChunkHeap order, int chunk, bool isIn, long key)
    {
        Must.Hold(isIn == (Internals.Places(order)[chunk] != 0), $"chunk {chunk} is {(isIn ? "not " : "")}in an order");
        Must.Hold(!isIn || order.KeyOf(chunk) == key, $"chunk {chunk} is at {order.KeyOf(chunk)} instead of {key}");
    }

    private static Dictionary<int, int> Members(NumberLists lists, int count)
    {
        var members = new Dictionary<int, int>();
        for (int list = 0; list < count; list++)
        {
            for (int number = lists.First(list); number != NumberLists.None; number = lists.Next(number))
            {
                Must.Hold(members.TryAdd(number, list), $"{number} is in a list twice");
            }
        }

        return members;
    }

    private static int FreeOf(BounceBuffers buffers) => Internals.FreeWords(buffers).Sum(System.Numerics.BitOperations.PopCount);

    private static void Own(Dictionary<uint, int> references, uint stored)
    {
        Assert.NotEqual(0u, stored);
        references[stored] = references.GetValueOrDefault(stored) + 1;
    }

    private static readonly PageState[] s_openStates = [PageState.Untouched, PageState.Resident, PageState.Swapped];
    private static readonly PageState[] s_closedStates = [PageState.Untouched, PageState.Dead];
    private static readonly SegmentState[] s_quietSegments = [SegmentState.Open, SegmentState.Sealed];
}
#endif
