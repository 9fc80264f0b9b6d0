namespace Paging.TestSeam;

/// <summary>Where an exception can come from outside, by what is called there: tests make each of these places fail in turn.</summary>
internal enum FailurePoint
{
    /// <summary>To enter a lock: an interrupt, or no memory to sleep on it. Masked.</summary>
    Lock,

    /// <summary>To sleep under a lock. Masked.</summary>
    Sleep,

    /// <summary>To wait for the end of a thread. Masked.</summary>
    Join,

    /// <summary>A codec, which may ask the system for memory.</summary>
    Codec,

    /// <summary>Memory for the contexts and the scratch of codecs.</summary>
    CodecMemory,

    /// <summary>The policy that a page is compressed by.</summary>
    Policy,

    /// <summary>A transfer on the calling thread.</summary>
    DeviceRead,

    /// <summary>A transfer that is handed to a device.</summary>
    DeviceWrite,

    /// <summary>Encryption of a block. Memory that it lacks is an error number.</summary>
    Cipher,

    /// <summary>Memory of the caller's that is copied from or to.</summary>
    Copy,

    /// <summary>Managed memory, or address space.</summary>
    Allocation,

    /// <summary>Between two steps of closing.</summary>
    Closing,

    /// <summary>Memory for a page table.</summary>
    TableMemory,

    /// <summary>A thread.</summary>
    ThreadStart,
}
