using Paging.Interop;

namespace Paging.Tests.Codecs;

/// <summary>Memory with inaccessible pages right behind it, or right in front of it: touching a byte too much ends the process.</summary>
internal sealed unsafe class GuardedBuffer : IDisposable
{
    private const byte Margin = 0xA5;
    private const int MarginBytes = 64;

    private readonly byte* _reservation;
    private readonly nuint _reserved;
    private readonly nuint _usable;

    public GuardedBuffer(int capacity)
    {
        nuint page = (nuint)VirtualMemory.SystemPageBytes;
        _usable = ((nuint)(capacity + MarginBytes) + page - 1) & ~(page - 1);
        _reserved = _usable + (2 * page);
        _reservation = VirtualMemory.Reserve(_reserved, page, sparse: false);
        Assert.True(VirtualMemory.TryCommit(_reservation + page, _usable, huge: false));
    }

    private byte* First => _reservation + VirtualMemory.SystemPageBytes;

    /// <summary>Filled with what no test expects, and with a margin at the side without the guard.</summary>
    public byte* Take(int length, bool guardBehind)
    {
        // Otherwise the guard at the other side ends the process.
        Assert.True((nuint)(length + MarginBytes) <= _usable, $"A guarded buffer of {_usable:N0} bytes was made for less than {length:N0} bytes.");
        byte* start = guardBehind ? First + _usable - length : First;
        new Span<byte>(start, length).Fill(0xCC);
        MarginOf(start, length, guardBehind).Fill(Margin);
        return start;
    }

    public static void CheckMargin(byte* start, int length, bool guardBehind) =>
        Assert.False(MarginOf(start, length, guardBehind).ContainsAnyExcept(Margin), "Written outside the buffer.");

    public void Dispose() => VirtualMemory.Release(_reservation, _reserved);

    private static Span<byte> MarginOf(byte* start, int length, bool guardBehind) =>
        new(guardBehind ? start - MarginBytes : start + length, MarginBytes);
}
