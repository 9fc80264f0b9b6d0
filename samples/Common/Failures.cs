namespace Samples;

/// <summary>Something that the user passed cannot be used; the message is the one line to show.</summary>
internal sealed class InputException : Exception
{
    public InputException(string message) : base(message) { }

    public InputException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>What came back differs from what it must be; the message says where.</summary>
internal sealed class DifferenceException(string message) : Exception(message);
