using System.Diagnostics;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Swap;

/// <summary>The outcome for an entry that was to be compressed again.</summary>
internal enum Moved
{
    /// <summary>It is not there any more: moved, or freed meanwhile.</summary>
    Away,

    /// <summary>It is where it was: there is no room for it elsewhere.</summary>
    NoRoom,

    /// <summary>It is where it was: it fails its checksum.</summary>
    Not,
}

/// <summary>Moves entries of a log: copies one or compresses it anew, then moves its descriptor by CAS.</summary>
/// <remarks>Everything runs under <see cref="Gate"/>, so one thread at a time moves entries within a log. It copies memory and waits for no
/// other thread. The target is credited before the descriptor points to it. The thread that loses the CAS on the descriptor debits its own
/// target; the winner debits the source (rule 6).</remarks>
internal sealed unsafe partial class EntryMover(SegmentLog log, SegmentTable table, DescriptorTable descriptors)
{
    /// <summary>An entry must become shorter by its length shifted right by this, or it stays as it is.</summary>
    private const int MinGainShift = 5;

    /// <summary>The log's cleaning gate: held by the thread that empties a segment, compresses entries again, or moves them in from a
    /// file.</summary>
    internal Gate Gate { get; } = new();

    /// <summary>The writer that moved entries go to. They are not mixed with new entries: an entry that outlived its segment is likely to
    /// outlive the next.</summary>
    internal LogWriter Writer { get; } = new(log);

    /// <summary>The writer that recompressed entries go to.</summary>
    internal LogWriter ColdWriter { get; } = new(log);

    /// <summary>The entries of a segment in memory that the caller has claimed or has open.</summary>
    internal EntryCursor Entries(int number, int from = 0) => Entries(number, table[number]->Address, from);

    private EntryCursor Entries(int number, byte* bytes, int from) =>
        new(descriptors, number, bytes, table[number]->Used, log.Geometry.MaxPage, from);

    /// <summary>Moves the live entries of a segment in a file into the pool, from the buffer that it was read to. The caller has claimed
    /// the segment.</summary>
    /// <param name="number">The segment's number.</param>
    /// <param name="bytes">The segment's contents.</param>
    /// <param name="offset">The offset in bytes to start at; set to the offset of the first entry that was not moved.</param>
    /// <param name="level">How much of what is held back may be used.</param>
    /// <returns>False when there was no room, an entry is damaged, or the chain of entries is broken at the offset.</returns>
    internal bool TryMoveIn(int number, byte* bytes, ref int offset, StoreLevel level)
    {
        using Gate.Scope held = Gate.Enter();
        EntryCursor entries = Entries(number, bytes, offset);
        while (entries.MoveNext())
        {
            // A misread entry must not be moved: its copy in the file may be good.
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

    /// <summary>Moves one entry of a segment in a file into the pool, for swapoff. False when there is no room.</summary>
    internal bool TryMoveIn(EntryHeader* header, Location from)
    {
        using Gate.Scope held = Gate.Enter();
        return TryMove(header, from, StoreLevel.Normal, onFile: true);
    }

    /// <summary>Moves an entry if its descriptor still points to it. False when there is no room.</summary>
    /// <param name="header">The entry: in its segment, or in the buffer that it was read to from a file.</param>
    /// <param name="from">The location that its descriptor gave; none for an entry that has gone.</param>
    /// <param name="level">How much of what is held back may be used.</param>
    /// <param name="onFile">Whether that location is in a file. The claim on the segment keeps it there.</param>
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

        // The size is the descriptor's, not the header's, which may be damaged. If the descriptor is another page's by now, the move fails,
        // and the credit is debited again.
        EntrySize size = descriptors.SizeAt(index, from);
        Location to = Writer.AppendCopy((byte*)header, size);
        to = from.IsRecompressed ? to.AsRecompressed : to;
        // The target was credited before the descriptor points to it: from then on, a thread that frees the page debits the target.
        bool moved = descriptors.TryMove(index, from, to);
        Accounts.NotePublished(table[to.Segment], size);
        NoteIfRedundant(to, size);
        if (moved && onFile)
        {
            table.Accounts.MovedIn(table[from.Segment], size);
        }

        table.Debit(moved ? from.Segment : to.Segment, size, moved && onFile);
        return true;
    }

    /// <summary>Drops an entry of a segment in memory that the caller has claimed, if it is redundant: moving it would cost more than it is
    /// worth.</summary>
    /// <returns>Whether it is, and so need not be moved.</returns>
    internal bool TryDropRedundant(EntryHeader* header, Location from)
    {
        uint index = (uint)header->Id;
        if (from == default || !descriptors.IsRedundant(index))
        {
            return false;
        }

        EntrySize size = descriptors.SizeAt(index, from);
        if (descriptors.TryMove(index, from, Location.Dropped))
        {
            table.Accounts.Freed(table[from.Segment], size, onFile: false);
            table.Debit(from.Segment, size, onFile: false);
        }

        return true;
    }

    /// <summary>Whether compressing an entry again may gain anything. A redundant one goes when its room is wanted.</summary>
    internal bool IsCompressible(EntryHeader* header)
    {
        StoredForm form = header->Form;
        return form.Codec != Codec.Zstd && !form.StaysAsIs && form.IsValid && header->PageLength <= log.Geometry.MaxPage
            && !descriptors.IsRedundant((uint)header->Id);
    }

    private void NoteIfRedundant(Location location, in EntrySize size)
    {
        if (size.RedundantUnits != 0)
        {
            table.MarkOf(location.Segment).Set();
        }
    }

    /// <summary>Compresses an entry anew; if that gains too little, copies it and marks the copy as one that stays as it is.</summary>
    /// <param name="header">The entry. It must be plausible and compressible.</param>
    /// <param name="from">Its location, as its descriptor says.</param>
    /// <param name="to">The writer that appends it.</param>
    /// <param name="level">How much of what is held back the writer may use.</param>
    /// <param name="by">The recompressor whose buffer it takes.</param>
    internal Moved TryRecompress(EntryHeader* header, Location from, LogWriter to, StoreLevel level, Recompressor by)
    {
        // The length of the old entry is enough: the new one never becomes longer.
        if (!to.TryPrepareCopy(from.Units, level))
        {
            return Moved.NoRoom;
        }

        // A damaged entry must not get a checksum that says it is good.
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

        // The size is the descriptor's, not the header's: that is what was counted.
        EntrySize old = descriptors.SizeAt(index, from);
        EntrySize size = old;
        if (isShorter)
        {
            target->Write(header->Id, shorter, length, now);
            size = EntrySize.Recompressed(target->Units, old.Logical, isRedundant: old.RedundantUnits != 0);
        }
        else
        {
            Buffer.MemoryCopy(header + 1, body, encoded, encoded);
            target->Write(header->Id, encoded, length, form with { StaysAsIs = true });
        }

        Debug.Assert(size.Units <= from.Units, "an entry never becomes longer");
        Location location = to.AppendComposed((byte*)target, size, table[from.Segment]->SealedAt);
        location = isShorter ? location.AsRecompressed : location;

        // Credited before the descriptor points to it: from then on, a thread that frees the page debits the size that the new location
        // stands for.
        bool moved = descriptors.TryMove(index, from, location);
        Accounts.NotePublished(table[location.Segment], size);
        NoteIfRedundant(location, size);
        if (isShorter && IsToBeCounted(moved))
        {
            table.Accounts.Recompressed(old, size);
        }

        table.Debit(moved ? from.Segment : location.Segment, moved ? old : size, onFile: false);
        return Moved.Away;
    }

    /// <summary>Compresses a page with the stronger codec, both behind its filter and without one, and keeps the shorter result. The filter
    /// was chosen for the codec that the page was stored with, and may not suit this one.</summary>
    /// <returns>The new encoded length in bytes; −1 when too little is gained.</returns>
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
