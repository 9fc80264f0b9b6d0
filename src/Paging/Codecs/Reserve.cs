using System.Diagnostics;
using Paging.TestSeam;
using Paging.Threading;

namespace Paging.Codecs;

/// <summary>One item that threads share for which the system has no memory left for one of their own: what is stored must stay readable.</summary>
/// <param name="item">Null when there was none to be had: then nothing may be stored that needs it.</param>
internal sealed class Reserve<T>(T? item)
    where T : class
{
    /// <summary>0 → 1 by CAS, by whichever thread is about to decode; back by that thread alone.</summary>
    private int _taken;

    internal bool Exists => item is not null;

    /// <summary>Waits for the thread before, which decodes one page.</summary>
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
