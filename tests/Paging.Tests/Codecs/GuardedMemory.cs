using Paging.Interop;

namespace Paging.Tests.Codecs;

/// <summary>Memory between two pages that nobody may touch: whoever reads or writes a byte beyond either end ends the process.</summary>
internal sealed unsafe class GuardedMemory : IDisposable
{
    private const int CanaryBytes = 64;
    private const byte Canary = 0xA5;
    private readonly byte* _reserved;
    private readonly byte* _start;
    private readonly int _bytes;

    public GuardedMemory(int capacity)
    {
        int guard = VirtualMemory.SystemPageBytes;
        _bytes = (capacity + guard - 1) / guard * guard;
        _reserved = VirtualMemory.Reserve((nuint)(_bytes + (2 * guard)), (nuint)guard, sparse: false);
        _start = _reserved + guard;
        Assert.True(VirtualMemory.TryCommit(_start, (nuint)_bytes, huge: false));
    }

    /// <summary>So many bytes with the guard right behind them, or right before them.</summary>
    public byte* Place(int length, bool atEnd)
    {
        Assert.InRange(length, 0, _bytes);
        return atEnd ? _start + _bytes - length : _start;
    }

    /// <summary>Marks what lies beside a range on the side where its guard does not.</summary>
    public void SetCanaries(byte* range, int length)
    {
        Before(range).Fill(Canary);
        Behind(range, length).Fill(Canary);
    }

    public void AssertCanaries(byte* range, int length)
    {
        Assert.False(Before(range).ContainsAnyExcept(Canary), "bytes before the target were written");
        Assert.False(Behind(range, length).ContainsAnyExcept(Canary), "bytes behind the target were written");
    }

    public void Dispose() => VirtualMemory.Release(_reserved, (nuint)(_bytes + (2 * VirtualMemory.SystemPageBytes)));

    private Span<byte> Before(byte* range)
    {
        int bytes = (int)Math.Min(CanaryBytes, range - _start);
        return new Span<byte>(range - bytes, bytes);
    }

    private Span<byte> Behind(byte* range, int length) =>
        new(range + length, (int)Math.Min(CanaryBytes, _start + _bytes - (range + length)));
}
