namespace QuickStart;

/// <summary>Something that the user passed cannot be used; the message is the one line to show.</summary>
internal sealed class InputException : Exception
{
    public InputException(string message) : base(message) { }

    public InputException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>A byte came back different; the message names its file and offset.</summary>
internal sealed class DifferenceException(string message) : Exception(message);
