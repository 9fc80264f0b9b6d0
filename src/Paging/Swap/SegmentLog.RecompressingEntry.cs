using System.Diagnostics;
using Paging.Codecs;
using Paging.Codecs.Filters;
using Paging.Diagnostics;

namespace Paging.Swap;

/// <summary>One entry: compressed anew, and its descriptor moved.</summary>
internal sealed unsafe partial class SegmentLog
{
    /// <summary>What does not become shorter by this part of its length stays as it is.</summary>
    private const int LeastGainShift = 5;

    private enum Moved
    {
        Away,
        NoRoom,

        /// <summary>It is where it was: it fails its checksum.</summary>
        Not,
    }

    private bool IsCompressible(EntryHeader* header)
    {
        StoredForm form = header->Form;
        return form.Codec != Codec.Zstd && !form.StaysAsIs && form.IsValid && header->PageLength <= Geometry.MaxPage;
    }

    /// <summary>Compresses an entry anew, or copies it and marks it as staying what it is.</summary>
    /// <param name="header">The entry, plausible and compressible.</param>
    /// <param name="from">Where it is, as its descriptor says.</param>
    /// <param name="to">Who appends it.</param>
    /// <param name="level">How deep into what is held back that may go.</param>
    /// <param name="by">Whose buffer it takes.</param>
    private Moved TryRecompress(EntryHeader* header, Location from, LogWriter to, StoreLevel level, Recompressor by)
    {
        // It never becomes longer.
        if (!to.TryPrepareCopy(from.Units, level))
        {
            return Moved.NoRoom;
        }

        // What is damaged must not get a checksum that says it is good.
        if (!header->IsIntact() && !TestHook.Breaks(Mutation.RecompressDamaged))
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
        EntrySize old = _descriptors.SizeAt(index, from);
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
        Location location = to.AppendComposed((byte*)target, size, _table[from.Segment]->SealedAt);
        location = isShorter ? location.AsRecompressed : location;

        // Credited before the descriptor says so; whoever frees the page from then on counts out what the new location says.
        bool moved = _descriptors.TryMove(index, from, location);
        if (TestHook.Breaks(Mutation.CreditAfterPublishing))
        {
            _table.Credit(location.Segment, size);
        }

        if (isShorter && (moved || TestHook.Breaks(Mutation.RecountUnmoved)))
        {
            _table.Recount(old, size, form.Codec == Codec.Raw);
        }

        _table.Debit(moved ? from.Segment : location.Segment, moved ? old : size);
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

        int limit = header->EncodedLength - Math.Max(1, header->EncodedLength >> LeastGainShift);
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
