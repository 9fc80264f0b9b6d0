namespace Paging.Swap;

/// <summary>Whom a segment is for. A later level may use more of what is held back.</summary>
internal enum StoreLevel
{
    /// <summary>Room has been asked for and refused a moment ago: only for a same-filled page, which needs none.</summary>
    NoRoom,

    /// <summary>As Normal, but without waiting for a device that may make room.</summary>
    AtHand,

    /// <summary>Programs' stores and ordinary eviction.</summary>
    Normal,

    /// <summary>Moving the entries that keep a slot of a file in use: may use one segment of the reserve, which is given back by writing
    /// one.</summary>
    FileCleaner,

    /// <summary>Eviction that a fault depends on while too few frames are clean: may use the segments held back for it.</summary>
    LastResort,

    /// <summary>The cleaner: only it may use the last segment, so that it can always finish a victim. Also moving entries out of a file, by
    /// one thread, where the rest of the reserve is in use.</summary>
    Cleaner,
}
