using System.Diagnostics;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>What became of an entry that was to be compressed again.</summary>
internal enum Moved
{
    Away,
    NoRoom,

    /// <summary>It is where it was: it fails its checksum.</summary>
    Not,
}

/// <summary>Moves entries of a log: copies one or compresses it anew, then moves its descriptor by CAS.</summary>
/// <remarks>Everything under <see cref="Gate"/>, so that one thread at a time moves within a log; it copies memory and waits for nobody. The target is
/// credited before the descriptor says so, and whoever loses the CAS is debited what the winner was not (rule 6).</remarks>
internal sealed unsafe partial class EntryMover(SegmentLog log, SegmentTable table, DescriptorTable descriptors)
{
    /// <summary>What does not become shorter by this part of its length stays as it is.</summary>
    private const int MinGainShift = 5;

    /// <summary>The log's cleaning gate: whoever cleans, compresses again or moves in from a file has it.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>Where what is moved goes: what survived a cleaning is not mixed with new entries, as it is likely to survive the next.</summary>
    internal LogWriter Writer { get; } = new(log);

    /// <summary>Where what has been compressed again goes.</summary>
    internal LogWriter ColdWriter { get; } = new(log);

    /// <summary>The entries of a segment in memory, which the caller has claimed or has open.</summary>
    internal EntryCursor Entries(int number, int from = 0) => Entries(number, table[number]->Address, from);

    private EntryCursor Entries(int number, byte* bytes, int from) => new(descriptors, number, bytes, table[number]->Used, log.Geometry.MaxPage, from);

    /// <summary>Moves what lives of a segment in a file into the pool, from where it was read to. The caller has claimed the segment.</summary>
    /// <param name="number">The segment.</param>
    /// <param name="bytes">Its contents.</param>
    /// <param name="offset">Where to go on; set to where there was no room to go on.</param>
    /// <param name="level">How deep into what is held back it may go.</param>
    /// <returns>False when there was no room, or the chain of entries is broken at the offset.</returns>
    internal bool TryMoveIn(int number, byte* bytes, ref int offset, StoreLevel level)
    {
        using Gate.Scope held = Gate.Enter();
        EntryCursor entries = Entries(number, bytes, offset);
        while (entries.MoveNext())
        {
            // What was misread must not be moved: the copy in the file may be good.
            Location from = entries.Locate();
            if (from != default && !entries.Header->IsIntact())
            {
                table[number]->Damaged = 1;
                return false;
            }

            if (!TryMove(entries.Header, from, level, onFile: true))
            {
                return false;
            }

            offset = entries.Next;
        }

        if (entries.IsBroken)
        {
            table[number]->Damaged = 1;
        }

        return !entries.IsBroken;
    }

    /// <summary>Moves one entry of a segment in a file into the pool. False when there is no room.</summary>
    internal bool TryMoveIn(EntryHeader* header, Location from, StoreLevel level)
    {
        using Gate.Scope held = Gate.Enter();
        return TryMove(header, from, level, onFile: true);
    }

    /// <summary>Moves the entry if its descriptor still points to it. False when there is no room.</summary>
    /// <param name="header">The entry: where it is, or where it was read to from a file.</param>
    /// <param name="from">Where it is, as its descriptor said; none for an entry that has gone.</param>
    /// <param name="level">How deep into what is held back it may go.</param>
    /// <param name="onFile">Whether that is in a file. The claim on the segment keeps it so.</param>
    internal bool TryMove(EntryHeader* header, Location from, StoreLevel level, bool onFile)
    {
        uint index = (uint)header->Id;
        if (from == default || descriptors.Locate(index) != from)
        {
            return true;
        }

        if (!Writer.TryPrepareCopy(from.Units, level))
        {
            return false;
        }

        // From the descriptor, not from the header, which may be damaged. If it is another page's by now, the move fails, and what was credited
        // is debited again.
        EntrySize size = descriptors.SizeAt(index, from);
        Location to = Writer.AppendCopy((byte*)header, size);
        to = from.IsRecompressed ? to.AsRecompressed : to;
        // The target is credited before the descriptor says so; whoever frees the page from then on debits the target.
        bool moved = descriptors.TryMove(index, from, to);
        Accounts.NotePublished(table[to.Segment], size);
        if (moved && onFile)
        {
            table.Accounts.MovedIn(table[from.Segment], size);
        }

        table.Debit(moved ? from.Segment : to.Segment, size, moved && onFile);
        return true;
    }

    /// <summary>Whether there is anything to gain by compressing an entry again.</summary>
    internal bool IsCompressible(EntryHeader* header)
    {
        StoredForm form = header->Form;
        return form.Codec != Codec.Zstd && !form.StaysAsIs && form.IsValid && header->PageLength <= log.Geometry.MaxPage;
    }

    /// <summary>Compresses an entry anew, or copies it and marks it as staying what it is.</summary>
    /// <param name="header">The entry, plausible and compressible.</param>
    /// <param name="from">Where it is, as its descriptor says.</param>
    /// <param name="to">Who appends it.</param>
    /// <param name="level">How deep into what is held back that may go.</param>
    /// <param name="by">Whose buffer it takes.</param>
    internal Moved TryRecompress(EntryHeader* header, Location from, LogWriter to, StoreLevel level, Recompressor by)
    {
        // It never becomes longer.
        if (!to.TryPrepareCopy(from.Units, level))
        {
            return Moved.NoRoom;
        }

        // What is damaged must not get a checksum that says it is good.
        if (!MayRecompress(header))
        {
            return Moved.Not;
        }

        uint index = (uint)header->Id;
        StoredForm form = header->Form;
        int encoded = header->EncodedLength;
        int length = header->PageLength;
        EntryHeader* target = (EntryHeader*)to.ComposeUnits(from.Units);
        byte* body = (byte*)(target + 1);
        int shorter = TryCompress(header, body, by, out StoredForm now);
        bool isShorter = shorter > 0;

        // From the descriptor, not from the header: that is what was counted.
        EntrySize old = descriptors.SizeAt(index, from);
        EntrySize size = old;
        if (isShorter)
        {
            target->Write(header->Id, shorter, length, now);
            size = EntrySize.Recompressed(target->Units, old.Logical);
        }
        else
        {
            Buffer.MemoryCopy(header + 1, body, encoded, encoded);
            target->Write(header->Id, encoded, length, form with { StaysAsIs = true });
        }

        Debug.Assert(size.Units <= from.Units, "an entry never becomes longer");
        Location location = to.AppendComposed((byte*)target, size, table[from.Segment]->SealedAt);
        location = isShorter ? location.AsRecompressed : location;

        // Credited before the descriptor says so; whoever frees the page from then on counts out what the new location says.
        bool moved = descriptors.TryMove(index, from, location);
        Accounts.NotePublished(table[location.Segment], size);
        if (isShorter && IsToBeCounted(moved))
        {
            table.Accounts.Recompressed(old, size);
        }

        table.Debit(moved ? from.Segment : location.Segment, moved ? old : size, onFile: false);
        return Moved.Away;
    }

    /// <summary>Compresses a page with the stronger codec, behind its filter or without one, whichever is shorter: the filter was chosen for what another codec
    /// makes of it, and may be in the way of this one.</summary>
    /// <returns>The new encoded length; −1 when too little is gained.</returns>
    private static int TryCompress(EntryHeader* header, byte* target, Recompressor by, out StoredForm form)
    {
        StoredForm old = header->Form;
        int length = header->PageLength;
        byte* page = by.Page(length);
        form = old with { Codec = Codec.Zstd, IsRecompressed = true };
        if (!PageCodec.TryDecode(old, (byte*)(header + 1), header->EncodedLength, page, length))
        {
            return -1;
        }

        int limit = header->EncodedLength - Math.Max(1, header->EncodedLength >> MinGainShift);
        int shorter = PageCodec.TryEncode(form, Recompressor.Level, page, length, target, limit);
        if (old.Filter.Kind == FilterKind.None)
        {
            return shorter;
        }

        StoredForm unfiltered = form with { Filter = Filter.None };
        int plain = PageCodec.TryEncode(unfiltered, Recompressor.Level, page, length, by.Spare, shorter > 0 ? shorter : limit);
        if (plain <= 0)
        {
            return shorter;
        }

        Buffer.MemoryCopy(by.Spare, target, limit, plain);
        form = unfiltered;
        return plain;
    }
}
