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
        catch (Exception e) when (e is DifferenceException or PageCorruptedException)
        {
            return Fail(name, Differs, e.Message);
        }
        catch (Exception e) when (e is InputException or OutOfPagingSpaceException)
        {
            return Fail(name, BadInput, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return Fail(name, BadInput, e.Message);
        }
        catch (ArgumentException e)
        {
            // The name of the parameter that .NET appends says nothing to who passes options.
            return Fail(name, BadInput, e.Message.Split(" (Parameter")[0]);
        }
    }

    private static int Fail(string name, int exitCode, string message)
    {
        // One line, whatever the message: scripts read it, and so do people.
        Console.Error.WriteLine($"{name}: {message.ReplaceLineEndings(" ")}");
        return exitCode;
    }
}
