using System.Globalization;

namespace Paging.Tests.Codecs;

/// <summary>Cases in rounds, each with intact samples of its own: the damaged are fed to a decoder between pages that nobody may touch.</summary>
/// <param name="name">What is fed, for the message of a failure.</param>
/// <param name="longestPage">Bytes; what is fed has twice as many at most.</param>
/// <param name="roundLength">Cases that damage the same samples.</param>
internal abstract class FuzzRounds(string name, int longestPage, int roundLength) : IDisposable
{
    protected GuardedMemory Source { get; } = new(2 * longestPage);

    protected GuardedMemory Page { get; } = new(longestPage);

    protected byte[] Bytes { get; } = new byte[2 * longestPage];

    public void Run(long cases)
    {
        for (long i = 0; i < cases; i++)
        {
            try
            {
                if (i % roundLength == 0)
                    Prepare();
                Damaged();
                if (i % 16 == 0)
                    Intact();
            }
            catch (Exception e)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{name}, case {i}: {e.Message}"), e);
            }
        }
    }

    public void Dispose()
    {
        Source.Dispose();
        Page.Dispose();
    }

    /// <summary>Makes the samples of a round.</summary>
    protected abstract void Prepare();

    /// <summary>Feeds one damaged sample.</summary>
    protected abstract void Damaged();

    /// <summary>Feeds one intact sample: what was decoded before leaves no trace in the decoder.</summary>
    protected abstract void Intact();
}
