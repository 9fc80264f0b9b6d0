namespace Paging.Diagnostics;

/// <summary>What pagers are called in metrics, events and exceptions.</summary>
internal static class PagerName
{
    /// <summary>A name goes into every measurement and every event.</summary>
    internal const int MaxLength = 128;

    /// <summary>Refuses a name that would not show, or that would not fit.</summary>
    internal static void Check(string? name, string parameter)
    {
        if (name is not null && string.IsNullOrWhiteSpace(name))
        {
            throw new ArgumentException("Name is empty. Leave it out, and the pager is called by a number.", parameter);
        }

        if (name?.Length > MaxLength)
        {
            throw new ArgumentException(
                $"Name has {name.Length:N0} characters; at most {MaxLength} fit, since each measurement and each event carries it.",
                parameter);
        }
    }
}
