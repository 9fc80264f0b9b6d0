namespace Paging.Codecs;

/// <summary>The contexts and scratch that the threads of the process share, whatever pager they work for.</summary>
internal static class CodecContexts
{
    /// <summary>Pagers that are there. The last one to go takes the memory along.</summary>
    private static int s_users;

    /// <summary>So many of a kind at most.</summary>
    internal static int Most { get; } = 2 * Environment.ProcessorCount;

    internal static ContextPool<CodecScratch> Scratch { get; } = new(CodecScratch.TryCreate, Most);

    internal static ContextPool<ZstdEncoder> Encoders { get; } = new(static () => new ZstdEncoder(), Most);

    internal static ContextPool<ZstdDecoder> Decoders { get; } = new(ZstdDecoder.TryCreate, Most);

    internal static int Users => Volatile.Read(ref s_users);

    internal static void AddUser() => Interlocked.Increment(ref s_users);

    /// <summary>A pager is gone, and nobody is inside. What stays behind the last one are the reserves.</summary>
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
