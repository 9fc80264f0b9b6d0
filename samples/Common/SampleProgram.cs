using Paging;

namespace Samples;

/// <summary>From what a sample throws to what a shell sees.</summary>
internal static class SampleProgram
{
    private const int Verified = 0;
    private const int Differs = 1;
    private const int BadInput = 2;

    public static async Task<int> Run(string name, Func<Task> body)
    {
        try
        {
            await body();
            return Verified;
        }
        catch (Exception e) when (ExitCodeOf(Cause(e)) is { } exitCode)
        {
            // One line, whatever the message: scripts read it, and so do people. The name of the parameter that .NET appends says
            // nothing to who passes options.
            Console.Error.WriteLine($"{name}: {Cause(e).Message.Split(" (Parameter")[0].ReplaceLineEndings(" ")}");
            return exitCode;
        }
    }

    // Parallel loops wrap what their bodies throw.
    private static Exception Cause(Exception e) => e is AggregateException { InnerExceptions: [Exception first, ..] } ? first : e;

    // Null for what is nobody's input: a bug, which is better shown with its stack.
    private static int? ExitCodeOf(Exception e) => e switch
    {
        // Before the IOException that it is.
        DifferenceException or PageCorruptedException => Differs,
        InputException or OutOfPagingSpaceException or ArgumentException => BadInput,
        IOException or InvalidDataException or UnauthorizedAccessException or InsufficientMemoryException => BadInput,
        _ => null,
    };
}
