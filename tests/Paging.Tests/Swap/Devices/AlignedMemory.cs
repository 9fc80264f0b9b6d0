using System.Runtime.InteropServices;
using Paging.Swap.Devices;

namespace Paging.Tests.Swap.Devices;

/// <summary>Zeroed native memory at a multiple of 4096.</summary>
internal sealed unsafe class AlignedMemory : IDisposable
{
    private readonly int _bytes;

    public AlignedMemory(int bytes)
    {
        _bytes = (bytes + SwapDevice.BufferAlignment - 1) & -SwapDevice.BufferAlignment;
        Address = (byte*)NativeMemory.AlignedAlloc((nuint)_bytes, SwapDevice.BufferAlignment);
        Span.Clear();
    }

    public byte* Address { get; }

    public Span<byte> Span => new(Address, _bytes);

    public void Dispose() => NativeMemory.AlignedFree(Address);
}
