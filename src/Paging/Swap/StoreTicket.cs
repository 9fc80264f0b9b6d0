namespace Paging.Swap;

/// <summary>The right to store one page: a descriptor and, unless the pool is full, a writer with room for it.</summary>
internal readonly record struct StoreTicket(uint Index, LogWriter? Writer);
