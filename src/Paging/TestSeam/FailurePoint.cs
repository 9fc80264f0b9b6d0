namespace Paging.TestSeam;

/// <summary>The kinds of calls from which an exception can come. Tests make each place that calls one fail in turn.</summary>
internal enum FailurePoint
{
    /// <summary>Entering a lock: an interrupt, or no memory to sleep on it. Masked.</summary>
    Lock,

    /// <summary>Sleeping under a lock. Masked.</summary>
    Sleep,

    /// <summary>Waiting for the end of a thread. Masked.</summary>
    Join,

    /// <summary>Calling a codec, which may ask the system for memory.</summary>
    Codec,

    /// <summary>Getting memory for the contexts and the scratch of codecs.</summary>
    CodecMemory,

    /// <summary>Looking up or using the policy that a page is compressed by.</summary>
    Policy,

    /// <summary>A transfer on the calling thread.</summary>
    DeviceRead,

    /// <summary>Handing a transfer to a device.</summary>
    DeviceWrite,

    /// <summary>Encrypting a block. A lack of memory there is reported as an error number.</summary>
    Cipher,

    /// <summary>Copying from or to memory of the caller's.</summary>
    Copy,

    /// <summary>Getting managed memory, or address space.</summary>
    Allocation,

    /// <summary>Going on between two steps of closing.</summary>
    Closing,

    /// <summary>Getting memory for a page table.</summary>
    TableMemory,

    /// <summary>Starting a thread.</summary>
    ThreadStart,
}
