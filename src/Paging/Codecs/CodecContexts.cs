namespace Paging.Codecs;

/// <summary>The contexts and scratch that the threads of the process share, whatever pager they work for.</summary>
internal static class CodecContexts
{
    /// <summary>Pagers that exist. The last one to go gives the memory back.</summary>
    private static int s_users;

    /// <summary>The most contexts of one kind.</summary>
    internal static int Max { get; } = 2 * Environment.ProcessorCount;

    internal static ContextPool<CodecScratch> Scratch { get; } = new(CodecScratch.TryCreate, Max);

    internal static ContextPool<ZstdEncoder> Encoders { get; } = new(static () => new ZstdEncoder(), Max);

    internal static ContextPool<ZstdDecoder> Decoders { get; } = new(ZstdDecoder.TryCreate, Max);

    internal static int Users => Volatile.Read(ref s_users);

    internal static void AddUser() => Interlocked.Increment(ref s_users);

    /// <summary>A pager is gone, and none of its threads is inside a codec. After the last pager only the reserves are left.</summary>
    internal static void RemoveUser()
    {
        if (Interlocked.Decrement(ref s_users) == 0)
        {
            Scratch.Trim();
            Encoders.Trim();
            Decoders.Trim();
        }
    }
}
