#if DEBUG
using System.Diagnostics;

namespace Paging.Tests.Protocol;

/// <summary>Makes a broken assertion of the library an exception in the thread that broke it, where the default listener ends the process.</summary>
internal sealed class AssertionListener : TraceListener
{
    private static int s_installed;

    internal static void Install()
    {
        if (Interlocked.Exchange(ref s_installed, 1) == 0)
        {
            Trace.Listeners.Clear();
            Trace.Listeners.Add(new AssertionListener());
        }
    }

    public override void Fail(string? message) => Fail(message, null);

    public override void Fail(string? message, string? detailMessage) =>
        throw new AssertionFailedException($"Assertion failed: {message} {detailMessage}");

    public override void Write(string? message)
    {
    }

    public override void WriteLine(string? message)
    {
    }
}

internal sealed class AssertionFailedException(string message) : Exception(message);
#endif
