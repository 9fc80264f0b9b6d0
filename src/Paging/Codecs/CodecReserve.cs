using System.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Codecs;

/// <summary>One item, shared by all threads that get none of their own because the system has no memory left: what is stored must stay
/// readable.</summary>
/// <typeparam name="T">The item.</typeparam>
/// <param name="item">Null when the system had no memory for it at the start: then nothing may be stored that needs it.</param>
internal sealed class CodecReserve<T>(T? item)
    where T : class
{
    /// <summary>Changed to 1 by CAS, by a thread that is about to decode, and back to 0 by that thread alone.</summary>
    private int _taken;

    internal bool Exists => item is not null;

    /// <summary>Takes the item. Waits while another thread has it, which decodes one page.</summary>
    internal T Take()
    {
        Debug.Assert(item is not null, "nothing was stored that needs it");
        Spinner spinner = default;
        while (true)
        {
            if (Shared.CompareExchange(SharedWord.Counter, ref _taken, 1, 0) == 0)
            {
                return item;
            }

            spinner.Once();
        }
    }

    internal void GiveBack() => Shared.Write(SharedWord.Counter, ref _taken, 0);
}
