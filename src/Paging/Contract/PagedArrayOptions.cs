namespace Paging;

/// <summary>The options of one array.</summary>
public sealed record PagedArrayOptions
{
    /// <summary>Page size of this array in bytes, a power of two from 4 KiB to 4 MiB; null takes the pager's.</summary>
    public int? PageBytes { get; init; }

    /// <summary>The array's name, shown in statistics, events and exceptions.</summary>
    public string? Name { get; init; }

    /// <summary>What compression spends its time on for this array; null takes the pager's. It can be changed later.</summary>
    public CompressionGoal? Compression { get; init; }

    /// <summary>The transform before the codec, by element. Null lets the array choose from samples of its data, again and again. Elements
    /// longer than 512 bytes are treated as several of equal length.</summary>
    public PageFilter? Filter { get; init; }
}
