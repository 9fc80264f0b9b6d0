namespace Paging.Codecs;

/// <summary>What turned a page, behind its filter, into the bytes that are stored. Part of the stored form: values are never
/// reused.</summary>
internal enum Codec : byte
{
    Raw,
    Lz4,
    Zstd,
}
